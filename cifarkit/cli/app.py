"""The command line. Commands parse, call one function, and print what it returns."""

from __future__ import annotations

import errno
import logging
import platform
import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cifarkit import __version__, streams
from cifarkit.cli import signals
from cifarkit.cli.bench import bench
from cifarkit.cli.evaluate import evaluate
from cifarkit.cli.export import export
from cifarkit.cli.finetune import finetune
from cifarkit.cli.power import power
from cifarkit.cli.predict import predict
from cifarkit.cli.report import report
from cifarkit.cli.resize import resize_study
from cifarkit.cli.screen import screen
from cifarkit.cli.serve import serve
from cifarkit.cli.store import app as store
from cifarkit.cli.study import study
from cifarkit.cli.sweep import sweep
from cifarkit.cli.train import train
from cifarkit.cli.verify import verify
from cifarkit.cli.watch import watch
from cifarkit.cli.zoo import zoo
from cifarkit.errors import CifarkitError, InvalidInput

_LOG = logging.getLogger(__name__)
app = typer.Typer(
    name="cifarkit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Transfer-learning studies on image classification: run, measured and written up.",
)
app.command()(screen)
app.command()(zoo)
app.command()(resize_study)
app.command()(finetune)
app.command(no_args_is_help=True)(sweep)
app.command()(study)
app.command(no_args_is_help=True)(evaluate)
app.command(no_args_is_help=True)(train)
app.command(no_args_is_help=True)(predict)
app.command(no_args_is_help=True)(export)
app.command(no_args_is_help=True)(power)
app.command()(watch)
app.command()(report)
app.command(no_args_is_help=True)(verify)
app.command(no_args_is_help=True)(serve)
app.command(no_args_is_help=True)(bench)
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
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log what the command does, for error reports.")
    ] = False,
) -> None:
    streams.show_log(logging.DEBUG if verbose else logging.INFO)
    _LOG.debug("cifarkit %s, Python %s, %s", __version__, sys.version, platform.platform())


def main() -> None:
    """Run the command line on the process's arguments and standard streams."""
    streams.prepare()
    signals.listen()
    code = run(sys.argv[1:])
    if failure := streams.failure(sys.stdout):
        _complain(f"standard output cannot be written: {failure.strerror}")
        code = code or 1
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; user errors are one message instead of a traceback.

    Returns:
        The exit code.
    """
    try:
        _check_text(arguments)
        app(list(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except signals.Interrupted as end:
        _complain(str(end))
        return end.exit_code
    except InvalidInput as error:
        _complain(str(error))
        return 2
    except CifarkitError as error:
        _complain(str(error))
        return 1
    except OSError as error:
        # Unexpected system errors: report the reason and the file.
        named = f"{error.filename}: " if error.filename is not None else ""
        _complain(f"{named}{error.strerror or error}")
        return 2 if error.errno in (errno.ENAMETOOLONG, errno.ELOOP) else 1
    return 0


def _check_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that are not valid UTF-8, which records and documents need."""
    for argument in arguments:
        try:
            argument.encode()
            if "\0" in argument:
                raise InvalidInput(f"{argument!a} holds a null character")
        except UnicodeEncodeError:
            raise InvalidInput(
                f"{argument!a} is not text in this system's encoding, "
                f"{sys.getfilesystemencoding()}; rename the file or folder"
            ) from None


def _complain(message: str) -> None:
    from cifarkit.text import plain

    message = re.sub(r"(\S{100})\S{200,}(\S{100})", r"\1...\2", message)  # a very long path
    for line in map(plain, message.splitlines()):
        typer.secho(f"cifarkit: {line}", err=True, fg="red")


if __name__ == "__main__":
    main()
