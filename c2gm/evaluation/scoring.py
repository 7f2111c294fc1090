"""A map against its truth, zoom by zoom."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import mercantile
import numpy as np
from mercantile import Tile

from ..grid import TileRange
from ..tilesets.base import TileSet
from .blocks import Mosaic, blocks, parts, read_block
from .groups import UNLABELLED
from .reading import read_picture
from .seams import SeamSteps, steps_of_tiles
from .tally import Labels, Measures, Tally, labels_of_map, labels_of_masks
from .truth import DrawnTruth, Pyramid, RasterTruth, Truth, shows
from .zoom_change import zoom_change

_TILES_KEPT = 1024  # decoded or drawn tiles in memory, 200 MB


@dataclass(frozen=True)
class ZoomScores:
    """Scores of one zoom.

    Attributes:
        tiles: How many tiles were compared.
        missing: Tiles that the truth has in the map's rectangle and the map has not.
        measures: Value by name of `measures.MEASURES`.
        groups: IoU, F1 and shares of the six groups, or of the five classes of masks.
        classes: The same of the legend's classes; empty where the truth is masks.
    """

    tiles: int
    missing: int
    measures: Measures
    groups: dict[str, dict[str, float | None]]
    classes: dict[str, dict[str, float | None]]


class Comparison:
    """The truth of some tiles, read once, for any number of maps of them.

    Args:
        truth: What maps are compared with.
        tiles: The tiles to compare, by zoom.
    """

    def __init__(self, truth: Truth, tiles: dict[int, list[Tile]]) -> None:
        self._truth = truth if isinstance(truth, RasterTruth) else Kept(truth)
        self.tiles = {
            zoom: [tile for tile in found if shows(self._truth, tile)]
            for zoom, found in sorted(tiles.items())
        }
        self._true_blocks = functools.lru_cache(maxsize=8)(self._read_truth)
        self._true_steps = functools.cache(self._measure_true_steps)
        self._true_change = functools.cache(self._measure_true_change)

    @property
    def has_pictures(self) -> bool:
        """Whether the truth is a map, not masks."""
        return not isinstance(self._truth, RasterTruth)

    def score(self, pyramid: Pyramid) -> dict[int, ZoomScores]:
        """Scores of a map by zoom; zooms without a tile to compare are left out."""
        kept = Kept(pyramid)
        return {zoom: self._score_zoom(kept, zoom) for zoom, found in self.tiles.items() if found}

    def _score_zoom(self, pyramid: Kept, zoom: int) -> ZoomScores:
        tally = Tally(five=not self.has_pictures)
        there = [tile for tile in self.tiles[zoom] if pyramid.get(tile) is not None]
        for block in blocks(there):
            drawn = read_block(pyramid.get, block)
            reading = read_picture(drawn.rgb)
            picture, labels = self._true_blocks(block)
            tally.add_labels(reading, drawn.valid, labels)
            if picture is not None:
                tally.add_pictures(drawn, picture, labels, block)
        measures = tally.measures()
        measures |= self._between_tiles(pyramid, zoom)
        return ZoomScores(
            tiles=len(there),
            missing=len(self.tiles[zoom]) - len(there),
            measures=measures,
            groups=tally.by_group(),
            classes=tally.by_class(),
        )

    def _between_tiles(self, pyramid: Kept, zoom: int) -> Measures:
        """What lies between tiles and between zooms."""
        names = ("seam_ratio", "seam_spread", "seam_beside", "band_ratio", "cross_scale_ratio")
        found: Measures = dict.fromkeys(names)
        steps, true = steps_of_tiles(pyramid.get, self.tiles[zoom]), self._true_steps(zoom)
        if steps is not None:
            found["seam_ratio"] = _over(steps.seam_ratio, 1.0 if true is None else true.seam_ratio)
            found["seam_spread"] = steps.spread(true)
            beside = 1.0 if true is None else true.seam_beside
            found["seam_beside"] = _over(steps.seam_beside, beside)
            found["band_ratio"] = _over(steps.band_ratio, 1.0 if true is None else true.band_ratio)
        true_change = self._true_change(zoom)
        change = None if true_change is None else zoom_change(pyramid.get, self._parents(zoom))
        if change is not None and true_change is not None:
            found["cross_scale_ratio"] = _over(change, true_change)
        return found

    def _parents(self, zoom: int) -> list[Tile]:
        """Compared tiles of the zoom below whose four children are compared too."""
        here = set(self.tiles[zoom])
        return [
            parent
            for parent in self.tiles.get(zoom - 1, [])
            if all(child in here for child in mercantile.children(parent))
        ]

    def _measure_true_steps(self, zoom: int) -> SeamSteps | None:
        if isinstance(self._truth, RasterTruth):
            return None
        return steps_of_tiles(self._truth.get, self.tiles[zoom])

    def _measure_true_change(self, zoom: int) -> float | None:
        if isinstance(self._truth, RasterTruth):
            return None
        return zoom_change(self._truth.get, self._parents(zoom))

    def _read_truth(self, block: TileRange) -> tuple[Mosaic | None, Labels]:
        if isinstance(self._truth, RasterTruth):
            five = np.full((block.box.height, block.box.width), UNLABELLED, dtype=np.uint8)
            for tile, part in parts(block):
                five[part] = self._truth.classes(tile)
            return None, labels_of_masks(five)
        picture = read_block(self._truth.get, block)
        return picture, labels_of_map(read_picture(picture.rgb).classes, picture.valid)


def tiles_to_compare(map_: TileSet, truth: Truth, zooms: Sequence[int]) -> dict[int, list[Tile]]:
    """The map's tiles by zoom, and those of a true tile set inside their rectangle."""
    found: dict[int, list[Tile]] = {}
    for zoom in zooms:
        tiles = set(map_.tiles(zoom))
        if tiles and not isinstance(truth, (RasterTruth, DrawnTruth)):
            columns, rows = [t.x for t in tiles], [t.y for t in tiles]
            around = TileRange(zoom, min(columns), min(rows), max(columns), max(rows))
            true_tiles = getattr(truth, "tiles", lambda _zoom: ())
            tiles |= {tile for tile in true_tiles(zoom) if tile in around}
        found[zoom] = sorted(tiles)
    return found


class Kept:
    """A pyramid whose last tiles stay in memory.

    Args:
        pyramid: Where tiles come from.
    """

    def __init__(self, pyramid: Pyramid) -> None:
        self.get = functools.lru_cache(maxsize=_TILES_KEPT)(pyramid.get)


def _over(part: float, whole: float) -> float | None:
    """The quotient, 1 for two zeros, None where it is not finite."""
    if whole == 0:
        return 1.0 if part == 0 else None
    quotient = part / whole
    return quotient if math.isfinite(quotient) else None
