"""The command line. Commands are thin: parse, call one function, show what it returns."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cifarkit import __version__
from cifarkit.cli.evaluate import evaluate
from cifarkit.cli.finetune import finetune
from cifarkit.cli.report import report
from cifarkit.cli.resize import resize_study
from cifarkit.cli.store import app as store
from cifarkit.cli.study import study
from cifarkit.cli.sweep import sweep
from cifarkit.cli.zoo import zoo
from cifarkit.errors import CifarkitError, InvalidInput

app = typer.Typer(
    name="cifarkit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Transfer-learning studies on image classification: run, measured and written up.",
)
app.command()(zoo)
app.command()(resize_study)
app.command()(finetune)
app.command(no_args_is_help=True)(sweep)
app.command()(study)
app.command(no_args_is_help=True)(evaluate)
app.command()(report)
app.add_typer(store, name="store")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cifarkit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; what the user can mend is one message, not a traceback."""
    try:
        app()
    except InvalidInput as error:
        _complain(error)
        sys.exit(2)
    except CifarkitError as error:
        _complain(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of `cifarkit report | head` has seen enough.
        sys.stderr.close()
        sys.exit(0)


def _complain(error: CifarkitError) -> None:
    from cifarkit.reporting.text import plain

    for line in map(plain, str(error).splitlines()):
        typer.secho(f"cifarkit: {line}", err=True, fg="red")


if __name__ == "__main__":
    main()
