"""Words of strangers' files, fit to be shown: they may hold anything, terminals' commands too."""

from __future__ import annotations


def printable(text: object, most: int = 500) -> str:
    """One line of a text, without control characters and not without end."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text)[: 2 * most])
    return " ".join(line.split())[:most]
