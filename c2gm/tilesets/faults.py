"""Faults of a tile set, collected in bounded memory, and the cure of each kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mercantile import Tile

FAULTS_A_CODE = 20  # spelled out; the rest are counted

_AGAIN = "Make the map again with the same command."
_METADATA = "Correct the metadata, or write the map anew with c2gm export."
_EXPORT = "Write the file anew with c2gm export, or copy it again."
CURES = {
    # tiles
    "tile-missing": "Run the command that made the map once more.",
    "tile-added": "Find out which program added tiles, and delete them.",
    "tile-outside": "Correct the bounds, or delete the tile.",
    "zoom-missing": "Paint the zoom as well.",
    "parent-missing": "Paint the tile, or delete its children.",
    "children-missing": "Paint the tiles below it.",
    "outside-grid": "Delete it: numbers go from 0 to 2^zoom - 1.",
    "duplicate-tile": "Delete the one that is wrong.",
    "no-tiles": _AGAIN,
    # pictures
    "wrong-size": "Cut the map into tiles of 256 px.",
    "not-a-picture": "Make the tile again; often an error page was stored in its place.",
    "damaged-picture": "Make or copy the tile again.",
    "empty-picture": "Delete the tile or make it again.",
    "gzipped-picture": "Unpack the pictures: map pictures are never gzipped.",
    "wrong-format": "Set the format to what the pictures are, or export the map to one kind.",
    "blank-tile": "Delete the tile or paint it again.",
    # places
    "rows-flipped": "Turn the rows: 2^zoom - 1 - row.",
    "bounds-missing": "Add west,south,east,north in degrees, or write it anew with c2gm export.",
    "bounds-wrong": "Write west,south,east,north in degrees, in this order.",
    "bounds-differ": "Set the bounds to the outer edges of the finest zoom's tiles.",
    "zooms-wrong": "Set minzoom and maxzoom to those of the tiles.",
    "center-wrong": "Set the center inside the bounds, at a zoom that has tiles.",
    # metadata
    "metadata-missing": _METADATA,
    "incomplete": "Run the command that made the map once more.",
    "origin-missing": "Add who or what made the map: 'generator', and 'model' of a painted one.",
    # files
    "leftover": "Delete it, if no program is writing the map now.",
    "truncated": "Copy the file again.",
    "damaged-database": "Copy or make the file again.",
    "no-index": "Write the file anew with c2gm export.",
    "unreadable": "Copy or make the file again.",
    "root-too-far": _EXPORT,
    "outside-file": _EXPORT,
    "wrong-count": _EXPORT,
    "not-clustered": _EXPORT,
    # looks
    "repeated-picture": "Paint the tile again: a worker was stuck.",
    "parent-differs": "Paint the zooms anew, the lowest first.",
    "seam": "Paint the zoom again in mode seamless.",
    "colours-off": "Paint the tile again, or name the style that it has.",
    "shifted": "Check bounds and coordinate system of the imagery, then paint again.",
    # against imagery
    "blank-over-imagery": "Paint the tile again: there is imagery.",
    "transparent-over-imagery": "Paint the tile again with this imagery.",
    "opaque-outside-imagery": "Paint the tile again with this imagery.",
    # against the job and another map
    "differs-from-job": "Write the map again from its job: give the same command with --force.",
    "differs": "Decide which of the two maps is right.",
    "not-in-the-other": "Decide which of the two maps is right.",
    "only-in-the-other": "Decide which of the two maps is right.",
}
"""What to do about each kind of fault, by its code."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: a stable code, the tile if it is one's, a sentence with the cure.

    `zoom` is that of the tile, or the one that the sentence is about; None for the whole map.
    """

    code: str
    tile: Tile | None
    sentence: str
    zoom: int | None = None

    @property
    def cure(self) -> str:
        """What to do about faults of this kind."""
        return CURES[self.code]

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


class Faults:
    """Collects faults; of each code the first twenty and the number of the others."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._counts: Counter[str] = Counter()

    def add(
        self, code: str, sentence: str, tile: Tile | None = None, *, zoom: int | None = None
    ) -> None:
        """Note a fault; a sentence about a tile begins with the tile by itself."""
        self._counts[code] += 1
        if self._counts[code] <= FAULTS_A_CODE:
            if tile is not None:
                sentence = f"Tile {tile.z}/{tile.x}/{tile.y} {sentence}"
                zoom = tile.z
            self._faults.append(Fault(code, tile, sentence, zoom))

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
