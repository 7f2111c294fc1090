"""The two ways to lay windows over the world grid.

`seamless`: one window a tile, 32 px larger on each side than the tile, feathered over the overlap.
`paper`: the authors' independent tiles, cut hard; kept for parity and tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigError
from ..grid import HALO, LATENT_SIZE, TILE_SIZE, PixelBox, Window, square_box

GEOMETRY_VERSION = 1  # part of the job key: change it when the same settings paint other bytes


@dataclass(frozen=True)
class Geometry:
    """How large a window is and which windows a tile needs.

    Attributes:
        mode: Its name, `seamless` or `paper`.
        halo: Pixels that a window is larger than its tile, on each side.
        ring: Windows beside a tile that reach into it, on each side.
    """

    mode: str
    halo: int
    ring: int

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
        return square_box(window.x, window.y, window.z).grown(self.halo)


SEAMLESS = Geometry("seamless", HALO, 1)
PAPER = Geometry("paper", 0, 0)
MODES = {geometry.mode: geometry for geometry in (SEAMLESS, PAPER)}


def geometry_of(mode: str) -> Geometry:
    """The geometry of a mode.

    Raises:
        ConfigError: there is no such mode.
    """
    if mode not in MODES:
        raise ConfigError(f"Mode {mode!r} is not one of {', '.join(MODES)}.")
    return MODES[mode]
