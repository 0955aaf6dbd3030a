"""Makes matplotlib's SVG a part of an HTML page: small, in its colours, with ids of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

_COLOURS = {
    "#000000": "var(--ink)",
    "#ffffff": "var(--paper)",
    "#666666": "var(--soft)",
    "#dddddd": "var(--line)",
}
"""Neutral colours of the figures' style, which follow the page's light or dark theme."""
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"(?<=url\(#)[^)]+")


@dataclass(frozen=True)
class Drawing:
    """A figure as SVG with its text as text.

    Attributes:
        svg: A whole SVG file, as matplotlib writes it.
        series: The label of a legend's entry by the id of each element that it names.
        legend: The same for the elements of the legend itself.
        tips: What to show of an element under the pointer, by its id.
    """

    svg: bytes
    series: Mapping[str, str] = field(default_factory=dict)
    legend: Mapping[str, str] = field(default_factory=dict)
    tips: Mapping[str, str] = field(default_factory=dict)


def inline_svg(drawing: Drawing, prefix: str, label: str) -> str:
    """The `<svg>` element for the inside of a page.

    Ids start with the prefix; coordinates are rounded to 0.01 points. A drawing with a raster image
    keeps its colours, on white.

    Args:
        prefix: Letters and digits, different for each drawing of a page.
        label: The alternative text.

    Raises:
        xml.etree.ElementTree.ParseError: The drawing is not well-formed XML.
    """
    root = ElementTree.fromstring(drawing.svg)
    _strip(root)
    used = set(_references(root))
    names = {old: f"{prefix}-{number}" for number, old in enumerate(sorted(used))}
    raster = False
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        raster |= element.tag == "image"
        old = element.attrib.pop("id", "")
        if old in names:
            element.set("id", names[old])
        _rewrite(element, names)
        if old in drawing.series:
            element.set("data-series", drawing.series[old])
        if old in drawing.legend:
            element.set("data-legend", drawing.legend[old])
        if old in drawing.tips:
            tip = ElementTree.Element("title")
            tip.text = drawing.tips[old]
            element.insert(0, tip)
    box = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update(
        {
            "class": "drawing on-white" if raster else "drawing",
            "viewBox": box,
            "width": box.split()[2] + "pt",
            "role": "img",
            "aria-label": label,
        }
    )
    return ElementTree.tostring(root, encoding="unicode")


def _strip(root: ElementTree.Element) -> None:
    """Remove the metadata, a style that would apply to the whole page, and space between tags."""
    for parent in root.iter():
        for child in list(parent):
            name = child.tag.rpartition("}")[2]
            if name in ("metadata", "style"):
                parent.remove(child)
        if not parent.tag.endswith("}text"):
            parent.text = None
        for child in parent:
            child.tail = None


def _references(root: ElementTree.Element) -> list[str]:
    found: list[str] = []
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.endswith("href") and value.startswith("#"):
                found.append(value[1:])
            found += _REFERENCE.findall(value)
    return found


def _rewrite(element: ElementTree.Element, names: Mapping[str, str]) -> None:
    old, element.attrib = dict(element.attrib), {}
    for name, value in old.items():
        if name.endswith("href"):
            name = "href"
            value = f"#{names[value[1:]]}" if value.startswith("#") else value
        elif name == "transform" and value.startswith("rotate(-0 "):
            continue
        elif name == "style":
            for colour, variable in _COLOURS.items():
                value = value.replace(colour, variable)
            value = value.replace("font-family: 'DejaVu Sans'; ", "").replace(": ", ":")
            value = value.replace("; ", ";")
        if name != "href":
            value = _REFERENCE.sub(lambda match: names[match[0]], value)
            value = _NUMBER.sub(lambda match: f"{float(match[0]):.2f}", value)
            value = " ".join(value.split())
        element.set(name, value)
