"""Excerpts are HTML written by anyone; the registry keeps plain text."""

import re
from functools import lru_cache
from html.parser import HTMLParser

LONGEST_HTML = 20_000
"""Characters that are looked at; the rest is left out. Excerpts have some hundreds, and the parser can take long."""
_SILENT = frozenset({"script", "style", "template", "iframe", "object"})
_INLINE = frozenset(["a", "abbr", "b", "bdi", "code", "em", "font", "i", "kbd", "mark", "q", "s", "small", "span"])
_INLINE |= {"strong", "sub", "sup", "tt", "u"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")


class MalformedHtml(ValueError):
    """The parser cannot make sense of it; the message is one line."""


class _TextOnly(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag not in _INLINE:
            self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()
        elif tag not in _INLINE:
            self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)


@lru_cache(maxsize=8192)
def plain_text(html: str, longest: int = 2000) -> str:
    """The words of an HTML fragment on one line, without tags, scripts, control and direction characters; cut with …

    Raises `MalformedHtml`.
    """
    parser = _TextOnly()
    try:
        parser.feed(_parsable(html[:LONGEST_HTML]))
        parser.close()
    except AssertionError as error:  # how html.parser refuses some unfinished declarations, such as `<![ b`
        raise MalformedHtml(f"is no HTML: {' '.join(str(error).split())}") from error
    text = " ".join(_CONTROL.sub(" ", "".join(parser.pieces)).split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _parsable(html: str) -> str:
    """What follows the last `>` opens no tag that is ever closed; told so, the parser need not look for its end."""
    end = html.rfind(">") + 1
    return html[:end] + html[end:].replace("<", "&lt;")
