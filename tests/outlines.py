"""Pages as a reader of their tags sees them."""

from __future__ import annotations

import html.parser

VOID = {"meta", "br"}


class Outline(html.parser.HTMLParser):
    """Checks nesting; gathers text, tags, attributes, and the cells of tables' rows."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.text, self.rows = [], []

    def handle_starttag(self, name, attributes):
        self.tags.append(name)
        self.attributes += attributes
        if name not in VOID:
            self.open.append(name)
        if name == "tr":
            self.rows.append([])
        elif name in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, name, attributes):
        self.tags.append(name)
        self.attributes += attributes

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.text.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def outline(page_text):
    """The page's outline; all that it opens it closes."""
    parser = Outline()
    parser.feed(page_text)
    parser.close()
    assert parser.open == []
    return parser
