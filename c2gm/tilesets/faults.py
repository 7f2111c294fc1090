"""Faults of a tile set, collected in bounded memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mercantile import Tile

FAULTS_A_CODE = 20  # spelled out; the rest are counted


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: a stable code, the tile if it is one's, a sentence with the cure."""

    code: str
    tile: Tile | None
    sentence: str

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


class Faults:
    """Collects faults; of each code the first twenty and the number of the others."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._counts: Counter[str] = Counter()

    def add(self, code: str, sentence: str, tile: Tile | None = None) -> None:
        """Note a fault; a sentence about a tile begins with the tile by itself."""
        self._counts[code] += 1
        if self._counts[code] <= FAULTS_A_CODE:
            if tile is not None:
                sentence = f"Tile {tile.z}/{tile.x}/{tile.y} {sentence}"
            self._faults.append(Fault(code, tile, sentence))

    def count(self, code: str) -> int:
        """How many faults of a code there are, the unspelled ones included."""
        return self._counts[code]

    def result(self) -> list[Fault]:
        """The faults, with a last one for each code that has more of them."""
        more = [
            Fault(code, None, f"{count - FAULTS_A_CODE} more of this kind, not listed.")
            for code, count in self._counts.items()
            if count > FAULTS_A_CODE
        ]
        return [*self._faults, *more]
