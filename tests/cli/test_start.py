"""The command line answers at once: what it does not need, it does not import."""

import subprocess
import sys

import pytest

from tests.cli.command import cifarkit, environment, in_a_process

HEAVY = {"tensorflow", "keras", "pandas", "matplotlib", "scipy", "numpy"}


def imported(*arguments: str) -> set[str]:
    """The top-level modules that a command has imported when it ends."""
    program = (
        "import sys, atexit; sys.argv = ['cifarkit', *sys.argv[1:]]\n"
        "from cifarkit.cli.app import main\n"
        "atexit.register(lambda: print(*{n.split('.')[0] for n in sys.modules}, file=sys.stderr))\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True
    )
    return set(done.stderr.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    assert not imported("--help") & HEAVY
    assert not imported("zoo", "--help") & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ("zoo", "--list"),
        ("zoo", "--classes", "1000"),
        ("zoo", "--models", "lenett"),
        ("report", "--runs", "nowhere"),
        ("evaluate", "best", "--runs", "nowhere"),
    ],
)
def test_what_needs_no_tensorflow_does_not_import_it(arguments: tuple[str, ...]) -> None:
    assert not imported(*arguments) & {"tensorflow", "keras"}


def test_version_and_module() -> None:
    from cifarkit import __version__

    assert in_a_process("--version").stdout == f"cifarkit {__version__}\n"


def test_no_arguments_shows_the_commands() -> None:
    done = in_a_process(code=None)
    assert "zoo" in done.stdout + done.stderr
    assert "report" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("zoo", "--models", "lenet,densnet121"), "did you mean 'densenet121'"),
        (("zoo", "--image-size", "64"), "xception takes 71 pixels or more, 64 was asked for"),
        (("zoo", "--classes", "101"), "CIFAR-100 has 100, 101 were asked for"),
        (("zoo", "--classes", "ten"), "Invalid value for '--classes'"),
        (("zoo", "--unfreeze", "2"), "unfreeze: input should be less than or equal to 1"),
        (("zoo", "--models", "lenet,LeNet"), "are the same training"),
        (("zoo", "--models", ","), "--models"),
        (("zoo", "--dataset", "cifar101"), "cifar101"),
        (("zoo", "--dataset", "synthetic", "--optimizer", "adm"), "optimizer"),
        (("report", "--runs", "nowhere"), "there are no results in nowhere"),
        (("report", "--format", "word"), "Invalid value for '--format'"),
        (("zoos",), "No such command 'zoos'"),
    ],
)
def test_bad_usage_is_one_clear_message_and_exit_code_2(
    arguments: tuple[str, ...], message: str
) -> None:
    done = cifarkit(*arguments, code=2)
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_list_of_networks() -> None:
    lines = cifarkit("zoo", "--list").stdout.splitlines()
    assert lines[0].startswith("Key\tName\t")
    keys = [line.split("\t")[0] for line in lines[1:]]
    assert keys[:3] == ["simple_cnn*", "custom_cnn*", "lenet*"]
    assert sum(key.endswith("*") for key in keys) == 13
    assert "efficientnetv2s" in keys


def test_the_shell_completes_the_names_of_settings() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from cifarkit.cli.app import main; sys.argv = ['cifarkit']; main()",
        ],
        env=environment()
        | {
            "_CIFARKIT_COMPLETE": "complete_bash",
            "COMP_WORDS": "cifarkit sweep l",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["label-smoothing", "layer-decay", "learning-rate"]
