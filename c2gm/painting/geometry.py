"""The two ways to lay windows over the world grid.

`seamless`: one window a tile, 32 px larger on each side than the tile, feathered over the overlap.
`paper`: the authors' independent tiles, cut hard; kept for parity and tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigError
from ..grid import HALO, LATENT_SIZE, TILE_SIZE, PixelBox, Window, square_box

GEOMETRY_VERSION = 2  # part of the job key: change it when the same settings paint other bytes


@dataclass(frozen=True)
class Geometry:
    """How large a window is and which windows a tile needs.

    Attributes:
        mode: Its name, `seamless` or `paper`.
        halo: Pixels that a window is larger than its tile, on each side.
        ring: Windows beside a tile that reach into it, on each side.
        offset: Pixels that a window lies left of its tile and above it.
    """

    mode: str
    halo: int
    ring: int
    offset: int = 0

    @property
    def window_size(self) -> int:
        """Pixels of a window's side."""
        return TILE_SIZE + 2 * self.halo

    @property
    def latent_size(self) -> int:
        """Latents of a window's side."""
        return self.window_size // LATENT_SIZE

    def box(self, window: Window) -> PixelBox:
        """The pixels of a window."""
        tile = square_box(window.x, window.y, window.z)
        left, top = tile.left - self.offset, tile.top - self.offset
        moved = PixelBox(window.z, left, top, left + TILE_SIZE, top + TILE_SIZE)
        return moved.grown(self.halo)

    @property
    def reach(self) -> int:
        """Pixels round a tile that its window is painted from, those of the windows at its corners
        included.
        """
        return self.halo + TILE_SIZE // 2 if self.ring else self.halo


SEAMLESS = Geometry("seamless", HALO, 1)
PAPER = Geometry("paper", 0, 0)
CORNERS = Geometry("corners", HALO, 1, offset=TILE_SIZE // 2)  # where classes are read
MODES = {geometry.mode: geometry for geometry in (SEAMLESS, PAPER)}


def corners_of(window: Window) -> tuple[Window, ...]:
    """The windows of `CORNERS` at the four corners of a window's tile, row by row."""
    side = 1 << window.z
    return tuple(
        Window((window.x + dx) % side, window.y + dy, window.z) for dy in (0, 1) for dx in (0, 1)
    )


def geometry_of(mode: str) -> Geometry:
    """The geometry of a mode.

    Raises:
        ConfigError: there is no such mode.
    """
    if mode not in MODES:
        raise ConfigError(f"Mode {mode!r} is not one of {', '.join(MODES)}.")
    return MODES[mode]
