"""HTML and SVG elements as strings in which all text is escaped.

`tag` escapes every child and attribute that is not `Markup` already, so that no name,
word or path of a report can become part of the page's structure.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

_VOID = frozenset({"br", "meta", "line", "rect", "circle", "path", "polyline"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """One element.

    Args:
      name: such as "td".
      *children: `Markup` is taken as it is, all else is escaped.
      **attributes: a trailing underscore is dropped, other underscores become hyphens
        (`class_`, `stroke_width`); None leaves the attribute out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def joined(parts: Iterable[str]) -> Markup:
    """The parts one after the other, escaped where they are not `Markup`."""
    return Markup(
        "".join(p if isinstance(p, Markup) else html.escape(p) for p in parts)
    )


def section(title: str, *parts: str) -> Markup:
    """A headed part of a page."""
    return joined([tag("h2", title), *parts])


def note(text: str) -> Markup:
    """A paragraph of explanation."""
    return tag("p", text, class_="note")
