"""Edits of a finished map at one zoom: tiles that somebody corrected by hand."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from mercantile import Tile

from ..errors import TilesetError
from ..grid import PixelBox, square_box, tiles_of_box, wrapped
from ..tilesets.base import TileSet


@dataclass(frozen=True)
class Edit:
    """Tiles of one zoom that shall look otherwise than in the map.

    Attributes:
        zoom: Their zoom.
        tiles: New pixels, uint8 [256,256,3 or 4]; only tiles that changed.
    """

    zoom: int
    tiles: dict[Tile, np.ndarray] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Hash of the edited tiles."""
        digest = hashlib.sha256()
        for tile, pixels in sorted(self.tiles.items()):
            digest.update(f"{tile.z}/{tile.x}/{tile.y}/{pixels.shape}".encode())
            digest.update(np.ascontiguousarray(pixels).tobytes())
        return digest.hexdigest()


def edit_of_picture(map_: TileSet, box: PixelBox, picture: np.ndarray) -> Edit:
    """The edit that puts a picture over a part of a map; opacity stays the map's.

    Args:
        map_: The map.
        box: Where the picture lies, at its zoom.
        picture: uint8 [H,W,3], of the box's size; with a fourth channel only opaque pixels count.

    Raises:
        TilesetError: the picture has another size, or the map has no tile there.
    """
    if picture.shape[:2] != (box.height, box.width):
        raise TilesetError(
            f"The picture has {picture.shape[1]} x {picture.shape[0]} px, the area "
            f"{box.width} x {box.height} px at zoom {box.zoom}. Give the area of the picture."
        )
    shown = picture[..., 3] > 0 if picture.shape[2] == 4 else np.ones(picture.shape[:2], bool)
    changed: dict[Tile, np.ndarray] = {}
    found = False
    for tile in tiles_of_box(box):
        old = map_.get(wrapped(tile))
        if old is None:
            continue
        found = True
        place = square_box(tile.x, tile.y, tile.z)
        source, target = _part_of(box, place), _part_of(place, box)
        new = np.array(old)
        over = shown[source][..., None]
        if new.shape[-1] == 4:
            over = over & (new[target][..., 3:] > 0)  # nobody sees what lies under no opacity
        new[target][..., :3] = np.where(over, picture[source][..., :3], new[target][..., :3])
        if not np.array_equal(new, old):
            changed[wrapped(tile)] = new
    if not found:
        raise TilesetError(f"The map has no tile of zoom {box.zoom} under the picture.")
    return Edit(box.zoom, changed)


def _part_of(box: PixelBox, other: PixelBox) -> tuple[slice, slice]:
    """Rows and columns of a box that lie in another one."""
    return (
        slice(max(0, other.top - box.top), min(box.bottom, other.bottom) - box.top),
        slice(max(0, other.left - box.left), min(box.right, other.right) - box.left),
    )


def edit_of_tileset(map_: TileSet, zoom: int, edited: TileSet) -> Edit:
    """The edit that takes another tile set's tiles of a zoom, where the map has such tiles.

    Raises:
        TilesetError: they have no tile of the zoom in common.
    """
    changed: dict[Tile, np.ndarray] = {}
    found = False
    for tile in edited.tiles(zoom):
        old, new = map_.get(tile), edited.get(tile)
        if old is None or new is None:
            continue
        found = True
        if old.shape != new.shape or not np.array_equal(old, new):
            changed[tile] = new
    if not found:
        raise TilesetError(f"The edited tiles and the map share no tile of zoom {zoom}.")
    return Edit(zoom, changed)
