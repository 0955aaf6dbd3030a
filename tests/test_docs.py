"""The documents say what the program does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_reference_is_what_help_says(tmp_path: Path) -> None:
    """`make docs` writes it anew."""
    written = tmp_path / "reference.md"
    subprocess.run(
        [sys.executable, "-m", "typer", "cifarkit.cli.app", "utils", "docs", "--name", "cifarkit",
         "--output", str(written)],
        check=True,
        capture_output=True,
        cwd=ROOT,
    )  # fmt: skip
    assert written.read_text() == (ROOT / "docs" / "reference.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_and_options_exist(document: Path) -> None:
    reference = (ROOT / "docs" / "reference.md").read_text()
    known = set(re.findall(r"--[a-z][a-z-]+", reference)) | {"--help"}
    for line in document.read_text().splitlines():
        if match := re.search(r"cifarkit ([a-z-]+)( .*)?$", line.split("#")[0].strip("$` ")):
            if f"## `cifarkit {match[1]}`" not in reference:
                continue
            options = re.findall(r"(?<!\S)--[a-z][a-z-]+", match[2] or "")
            assert set(options) <= known, line


def test_the_guides_file_of_predictions_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cifarkit as ck

    section = (ROOT / "docs" / "guide.md").read_text().split("## Evaluating")[1]
    table, code = (
        re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)[0] for kind in ("csv", "python")
    )
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(table)
    exec(code, {})
    mine = ck.evaluate("mine.csv")
    assert mine.scores.class_names == ("cat", "dog", "owl")
    assert mine.metrics["balanced_accuracy"] == 0.75


def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert built.returncode == 0, built.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 5
    for page in pages:
        loaded = re.findall(
            r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"?(https?:|//)", page.read_text()
        )
        assert not loaded, page.name
