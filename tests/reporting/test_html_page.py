"""The HTML report in a real browser: a phone's width and a desktop's, with and without scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from cifarkit.reporting.document import document
from tests.reporting.chromium import Chromium
from tests.reporting.fabricate import make_store
from tests.reporting.test_formats import HOSTILE, hostile  # noqa: F401

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="the browser's pipe is POSIX"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    chromium = Chromium(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    store, studies = make_store(folder, ("zoo", "dropout"))
    records = {record.trial_id: record for record in store.records()}
    path = folder / "report.html"
    path.write_text(document(studies, records, format="html"), encoding="utf-8")
    return path


def violations(browser: Chromium) -> list[str]:
    """What axe-core finds that is serious or critical."""
    pytest.importorskip("axe_core_python", reason="needs axe-core-python")
    script = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    browser.run(script + "; 0")
    found = browser.run(
        "axe.run({resultTypes: ['violations']})"
        ".then(result => result.violations.map(v => [v.id, v.impact, v.nodes[0].html]))"
    )
    return [str(rule) for rule in found if rule[1] in ("serious", "critical")]


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
def test_page_fits_and_is_accessible(browser: Chromium, page: Path, width: int, dark: bool) -> None:
    browser.open(page, width, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.complaints == []
    assert violations(browser) == []
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(22, 24, 28)" if dark else "rgb(255, 255, 255)")
    links = "[...document.querySelectorAll('nav a')]"
    assert browser.run(f"{links}.length") > 3
    assert browser.run(f"{links}.every(a => document.querySelector(a.getAttribute('href')))")


def test_hostile_names_stay_text(browser: Chromium, tmp_path: Path, hostile: Any) -> None:  # noqa: F811
    path = tmp_path / "hostile.html"
    path.write_text(document(*hostile, format="html"), encoding="utf-8")
    browser.open(path, 390)
    assert browser.complaints == []
    assert browser.run("document.scripts.length") == 1
    assert browser.run("document.querySelectorAll('main b b, main i, main a').length") == 0
    assert browser.run("document.documentElement.scrollWidth") <= 390
    assert HOSTILE[2] in browser.run("document.querySelector('main').textContent")
    assert violations(browser) == []
    # What slips past an escape would not run: the page allows its own script only.
    browser.run(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.ran = true'})); 0"
    )
    assert browser.run("window.ran") is None


def cells(browser: Chromium, column: int) -> list[str]:
    return browser.run(
        "[...document.querySelector('table.sortable').tBodies[0].rows]"
        f".filter(row => !row.hidden).map(row => row.cells[{column}].textContent)"
    )


def test_tables_sort_with_the_keyboard_and_filter(browser: Chromium, page: Path) -> None:
    browser.open(page, 1280)
    numeric = browser.run(
        "[...document.querySelector('table.sortable').tHead.rows[0].cells]"
        ".findIndex(cell => cell.classList.contains('number'))"
    )
    before = cells(browser, numeric)
    numbers = [float(text.replace(",", "")) for text in before if text[0].isdigit()]
    others = [text for text in before if not text[0].isdigit()]
    assert numbers != sorted(numbers)
    head = f"document.querySelector('table.sortable').tHead.rows[0].cells[{numeric}]"
    browser.run(f"{head}.querySelector('button').focus(); 0")
    for order, expected in (("ascending", sorted(numbers)), ("descending", sorted(numbers)[::-1])):
        browser.press("Enter", 13)
        assert browser.run(f"{head}.getAttribute('aria-sort')") == order
        now = cells(browser, numeric)
        assert [float(text.replace(",", "")) for text in now[: len(numbers)]] == expected
        assert now[len(numbers) :] == others
    browser.press("Enter", 13)
    assert cells(browser, numeric) == before
    assert browser.run(f"{head}.getAttribute('aria-sort')") is None

    name = cells(browser, 0)[1]
    browser.run("document.querySelector('.tools input').focus(); 0")
    browser.call("Input.insertText", text=name.upper())
    assert set(cells(browser, 0)) == {name}
    shown = browser.run("document.querySelector('.tools [role=status]').textContent")
    assert shown == f"1 of {len(before)} rows"


def test_legend_hides_series_and_points_have_tooltips(browser: Chromium, page: Path) -> None:
    browser.open(page, 1280)
    button = "document.querySelector('.tools button[aria-pressed]')"
    label = browser.run(f"{button}.textContent")
    visible = (
        "[...document.querySelectorAll('.drawing')].find(svg => svg.querySelector('[data-series]'))"
        ".querySelectorAll('[data-series]:not(.off)').length"
    )
    before = browser.run(visible)
    browser.run(f"{button}.click(); 0")
    assert 0 < browser.run(visible) < before
    assert browser.run(f"{button}.getAttribute('aria-pressed')") == "false"
    browser.run(f"{button}.click(); 0")
    assert browser.run(visible) == before
    tips = browser.run("[...document.querySelectorAll('.drawing title')].map(t => t.textContent)")
    assert label in ("training, running mean", "1 M parameters")
    assert any(tip.startswith("DenseNet201: validation accuracy") for tip in tips)
    assert "DenseNet201: test accuracy 0.780, 95% interval 0.771 to 0.789" in tips


def test_values_are_read_with_the_keyboard(browser: Chromium, page: Path) -> None:
    browser.open(page, 1280)
    figure = "document.querySelector('figure')"
    browser.run(f"{figure}.querySelector('.wide + .tools button:nth-of-type(2)').focus(); 0")
    seen = []
    for _ in range(2):
        browser.press("Enter", 13)
        seen.append(browser.run(f"{figure}.querySelector('output').textContent"))
    assert seen[0].startswith("Simple CNN: test accuracy 0.260")
    assert seen[1].startswith("Custom CNN: test accuracy 0.250")
    assert browser.run(f"{figure}.querySelectorAll('.pointed').length") == 1


def test_two_trials_are_compared(browser: Chromium, page: Path) -> None:
    browser.open(page, 1280)
    ids = browser.run("[...document.querySelectorAll('details')].map(d => d.id.slice(6))")
    browser.run(
        "document.querySelectorAll('select').forEach((select, at) => {"
        "select.value = String(at); select.dispatchEvent(new Event('change'))}); 0"
    )
    table = "document.querySelector('[aria-label=\"Comparison of two trials\"] table')"
    heads = browser.run(f"[...{table}.tHead.querySelectorAll('th')].map(c => c.textContent)")
    assert heads == ids[:2]
    rows = browser.run(f"[...{table}.tBodies[0].rows].map(r => [...r.cells].map(c => c.innerText))")
    assert all(left != right for _, left, right in rows)
    assert ["Settings: Model", "Simple CNN", "Custom CNN"] in rows
    drawn = browser.run(
        "[...new Set([...document.querySelectorAll('[data-series]:not(.off)')].map("
        "e => e.dataset.series))].filter(s => /^[0-9a-f]{6} /.test(s))"
    )
    assert sorted(label[:6] for label in drawn) == sorted(name[:6] for name in ids[:2])
    assert violations(browser) == []


def test_without_scripts_everything_is_shown(browser: Chromium, page: Path) -> None:
    browser.open(page, 1280)
    count = "[document.querySelectorAll('{}').length, document.querySelector('h1').innerText]"
    everything = "main table td, main svg text, main p, main li, nav a"
    with_scripts = browser.run(count.format(everything))
    browser.open(page, 1280, scripts=False)
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    shown = browser.call("DOM.querySelectorAll", nodeId=root, selector=everything)["nodeIds"]
    assert len(shown) == with_scripts[0] > 100
    added = browser.call("DOM.querySelectorAll", nodeId=root, selector="button, input")
    assert added["nodeIds"] == []


def test_print_leaves_out_what_is_for_the_screen(browser: Chromium, page: Path) -> None:
    browser.open(page, 1280, dark=True)
    browser.call("Emulation.setEmulatedMedia", media="print")
    hidden = "[...document.querySelectorAll('nav, .tools')].every(e => !e.offsetHeight)"
    assert browser.run(hidden)
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
