"""A strict look at HTML with the standard library: what is open is closed, in order, with nothing unexpected."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})
KNOWN = frozenset(
    "html head title style body a div span header nav main footer section article h1 h2 h3 p ul li time details "
    "summary table thead tbody tr th td small i b del ins code".split()
)
#: elements that no paragraph may hold
BLOCKS = frozenset("div header nav main footer section article h1 h2 h3 p ul li details table".split())


class Document(HTMLParser):
    """A parsed page; `faults` says what a strict parser would complain about."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        if not text.startswith("<!DOCTYPE html>\n<html lang="):
            self.faults.append("no doctype or language")
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]
        self.faults += [f"id {id} twice" for id in {id for id in self.ids if self.ids.count(id) > 1}]
        self.faults += [
            f"#{link[1:]} leads nowhere" for link in self.links if link[:1] == "#" and link[1:] not in self.ids
        ]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in KNOWN | VOID:
            self.faults.append(f"<{tag}> is unknown")
        if "p" in self._open and tag in BLOCKS:
            self.faults.append(f"<{tag}> in a paragraph")
        if len({name for name, _ in attrs}) != len(attrs) or any(value is None for _, value in attrs):
            self.faults.append(f"attributes of <{tag}>: {attrs}")
        if tag not in VOID:
            self._open.append(tag)
        given = dict(attrs)
        self.ids += [given["id"]] if given.get("id") else []  # type: ignore[list-item]
        self.links += [value for name in ("href", "src") if (value := given.get(name)) is not None]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1:]}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "title"):
            self.words.append(data)

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"<?{data}")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data}")

    @property
    def text(self) -> str:
        """What a reader sees, white space made single."""
        return " ".join("".join(self.words).split())


def page(content: bytes) -> Document:
    """Return a page, checked: well formed, one h1, headings in order."""
    document = Document(content.decode())
    assert document.faults == []
    assert document.headings[0] == 1
    assert document.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(document.headings, document.headings[1:], strict=False))
    return document
