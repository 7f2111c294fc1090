"""Several pieces of imagery read as one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import reduce

from ..grid import PixelBox
from .blocks import DEFAULT_CACHE_BYTES, Block, BlockImagery, filled

Bounds = tuple[float, float, float, float]


class MosaicImagery(BlockImagery):
    """Imagery of any kinds side by side; where they overlap, the first that is valid shows.

    Each piece is read on the world grid for itself. Pieces of one survey are better put together
    before (`mosaic_raster`), where that can be done.
    """

    def __init__(
        self,
        members: Sequence[BlockImagery],
        *,
        name: str,
        attribution: str = "",
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> None:
        """Put pieces together; they are closed with the mosaic."""
        super().__init__(cache_bytes)
        self._members = tuple(members)
        self.name = name
        self.bounds = reduce(surrounding, (member.bounds for member in members))
        self.native_zoom = max(member.native_zoom for member in members)
        credits = dict.fromkeys(member.attribution for member in members if member.attribution)
        self.attribution = attribution or "; ".join(credits)
        prints = "\n".join(member.fingerprint for member in members)
        self.fingerprint = hashlib.sha256(prints.encode()).hexdigest()
        self.reading = next((member.reading for member in members if member.reading), "")

    def make_block(self, box: PixelBox) -> Block | None:
        """Pixels of a canonical block, or None where no piece has any."""
        result: Block | None = None
        for member in self._members:
            block = member.make_block(box)
            result = block if result is None else filled(result, block)
            if result is not None and result[1].all():
                break
        return result

    def advice(self, zoom: int) -> tuple[str, ...]:
        """What would make reading better; see `BlockImagery.advice`."""
        found = (text for member in self._members for text in member.advice(zoom))
        return tuple(dict.fromkeys(found))[:3]

    def close(self) -> None:
        """Close all pieces; no other thread may be reading."""
        super().close()
        for member in self._members:
            member.close()


def surrounding(one: Bounds, other: Bounds) -> Bounds:
    """The narrowest bounds around both, across the antimeridian where that is shorter."""
    south, north = min(one[1], other[1]), max(one[3], other[3])
    spans = [(west, (east - west) % 360 or 360.0) for west, _, east, _ in (one, other)]
    found: list[tuple[float, float]] = []
    for start, _ in spans:
        # From this western edge eastward until both are inside.
        ends = [(west - start) % 360 + width for west, width in spans]
        found.append((max(ends), start))
    width, west = min(found)
    if width >= 360:
        return -180.0, south, 180.0, north
    east = west + width
    return west, south, east - 360 if east > 180 else east, north
