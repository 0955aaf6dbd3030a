"""`--verbose` logs to standard error; results stay as they are."""

from tests.cli.command import cifarkit


def test_verbose_names_the_versions_and_changes_no_result() -> None:
    quiet = cifarkit("zoo", "--list")
    verbose = cifarkit("--verbose", "zoo", "--list")
    assert verbose.stdout == quiet.stdout
    assert "Python 3." in verbose.stderr
    assert "Python 3." not in quiet.stderr
