"""Attribution of strangers as plain text and https links, never as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

MAX_CREDIT = 2000  # characters of text that are shown
_HIDDEN = ("script", "style", "template", "iframe", "svg")


def credit_parts(attribution: str) -> list[dict[str, str]]:
    """Parts {"text"} or {"text", "link"} of an attribution that may hold HTML.

    Tags go, their text stays; links stay only where they are https.
    """
    reader = _Reader()
    reader.feed(attribution[: 4 * MAX_CREDIT])
    reader.close()
    return reader.parts


def credit_text(attribution: str) -> str:
    """An attribution without its HTML."""
    return "".join(part["text"] for part in credit_parts(attribution)).strip()


class _Reader(HTMLParser):
    """Collects the text of HTML and the addresses of its links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[dict[str, str]] = []
        self._link: str | None = None
        self._hidden = 0
        self._room = MAX_CREDIT

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        if tag == "a":
            address = (dict(attrs).get("href") or "").strip()
            self._link = address if address.lower().startswith("https://") else None

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An empty element has no text and opens nothing."""

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        text = data[: self._room]
        if self._hidden or not text:
            return
        self._room -= len(text)
        last = self.parts[-1] if self.parts else None
        if last is not None and last.get("link") == self._link:
            last["text"] += text  # the parser hands text over in pieces
        elif self._link is None:
            self.parts.append({"text": text})
        else:
            self.parts.append({"text": text, "link": self._link})
