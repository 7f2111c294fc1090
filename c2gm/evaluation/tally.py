"""The counts of one zoom, gathered block by block, and the measures that come out of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..grid import TILE_SIZE, TileRange
from ..legend import FLAT_CLASSES, LEGEND
from . import fidelity
from .apls import apls
from .blocks import Mosaic, parts
from .classes import class_f1, confusion, invented_shares, iou, mean_iou, merged, share_ratios
from .detail import off_palette, png_bytes
from .edges import LineMatch, beside_tile_borders, edge_f1, edge_match, precision_recall
from .groups import (
    BUILDING_GROUP,
    FIVE_CLASSES,
    GROUPS,
    MAIN_ROADS,
    MINOR_ROAD_GROUP,
    ROADS,
    UNLABELLED,
    five_table,
    group_table,
)
from .reading import Reading
from .roads import ROAD_RADIUS, skeleton

Measures = dict[str, float | None]
"""Value by name of `measures.MEASURES`; None where there was nothing to measure."""

EDGE_RADIUS, WIDE_EDGE_RADIUS = 2.0, 4.0  # px; the wide one for vectors and masks of real ground
_NOT_FLAT = 0.01  # share of a tile that a second class must have


@dataclass(frozen=True)
class Labels:
    """The truth of a block as labels.

    Attributes:
        classes: Below the number of classes, uint8 [H,W].
        valid: bool [H,W], True where there is a truth.
        roads: Middle lines of roads, bool [H,W].
        main_roads: The same of main roads, or None where the rank of roads is not known.
    """

    classes: np.ndarray
    valid: np.ndarray
    roads: np.ndarray
    main_roads: np.ndarray | None


def labels_of_map(classes: np.ndarray, valid: np.ndarray) -> Labels:
    """Legend classes uint8 [H,W] as labels."""
    roads, main_roads = (skeleton(np.isin(classes, kinds)) for kinds in (ROADS, MAIN_ROADS))
    return Labels(classes, valid, roads, main_roads)


def labels_of_masks(five: np.ndarray) -> Labels:
    """One of the five classes by pixel, 255 unlabelled, as labels."""
    valid = five != UNLABELLED
    roads = skeleton(five == FIVE_CLASSES.index("road"))
    return Labels(np.where(valid, five, 0).astype(np.uint8), valid, roads, None)


class Tally:
    """Counts of one zoom of a map against its truth.

    Args:
        five: The truth is masks of real ground in the five classes, not a map in the legend's.
    """

    def __init__(self, *, five: bool = False) -> None:
        self._five = five
        self._count = len(FIVE_CLASSES) if five else FLAT_CLASSES
        self._confusion = np.zeros((self._count, self._count), dtype=np.int64)
        names = ("edge", "wide edge", "near", "elsewhere", "road", "main road")
        self._hits = {name: np.zeros(4, dtype=np.int64) for name in names}
        self._off = np.zeros(2, dtype=np.int64)
        self._bytes = np.zeros(2, dtype=np.int64)
        self._ways: list[tuple[float, int]] = []
        self._tiles: list[dict[str, float]] = []
        self._squares = np.zeros(2)

    def add_labels(self, reading: Reading, opaque: np.ndarray, truth: Labels) -> None:
        """Count a block of the map.

        Args:
            reading: The map's classes.
            opaque: bool [H,W], where the map has pixels.
            truth: What is there; only where both have pixels is anything counted.
        """
        valid = opaque & truth.valid
        drawn = five_table()[reading.classes] if self._five else reading.classes
        self._confusion += confusion(drawn, truth.classes, self._count, valid)
        edges = edge_match(drawn, truth.classes, valid)
        beside = beside_tile_borders((valid.shape[0], valid.shape[1]))
        self._hits["near"] += edges.hits(EDGE_RADIUS, beside)
        self._hits["elsewhere"] += edges.hits(EDGE_RADIUS, ~beside)
        self._hits["edge"] += edges.hits(EDGE_RADIUS)
        self._hits["wide edge"] += edges.hits(WIDE_EDGE_RADIUS)
        self._add_roads(reading.classes, truth, valid)
        self._off += off_palette(reading, valid)
        self._bytes += (
            png_bytes(np.where(valid, drawn, 0)),
            png_bytes(np.where(valid, truth.classes, 0)),
        )

    def _add_roads(self, classes: np.ndarray, truth: Labels, valid: np.ndarray) -> None:
        drawn = skeleton(np.isin(classes, ROADS))
        self._hits["road"] += LineMatch(drawn, truth.roads).hits(ROAD_RADIUS, valid)
        ways = apls(drawn & valid, truth.roads & valid)
        if math.isfinite(ways):
            self._ways.append((ways, int(np.count_nonzero(truth.roads & valid))))
        if truth.main_roads is not None:
            main = skeleton(np.isin(classes, MAIN_ROADS))
            self._hits["main road"] += LineMatch(main, truth.main_roads).hits(ROAD_RADIUS, valid)

    def add_pictures(self, drawn: Mosaic, truth: Mosaic, true: Labels, tiles: TileRange) -> None:
        """Compare the pictures of a block tile by tile, where both have pixels."""
        for _, part in parts(tiles):
            valid = drawn.valid[part] & truth.valid[part]
            if not valid.any():
                continue
            ours, theirs = drawn.rgb[part], truth.rgb[part]
            errors = (
                float(fidelity.squared_error_y(ours, theirs)[valid].mean()),
                float(fidelity.squared_error_rgb(ours, theirs)[valid].mean()),
            )
            self._squares += errors
            tile = {"psnr_y": fidelity.psnr(errors[0]), "psnr_rgb": fidelity.psnr(errors[1])}
            if valid.all():
                tile["ssim_y"] = fidelity.ssim_y(ours, theirs)
                tile["ssim_rgb"] = fidelity.ssim_rgb(ours, theirs)
            if _is_not_flat(true.classes[part]):
                tile["psnr_y_not_flat"] = tile["psnr_y"]
            self._tiles.append(tile)

    @property
    def confusion(self) -> np.ndarray:
        """Pooled counts int64 [truth, map] of the legend's or the five classes."""
        return self._confusion

    def measures(self) -> Measures:
        """All measures that one zoom by itself has."""
        found: dict[str, float] = {"off_palette": _share(*self._off)}
        found |= self._five_measures() if self._five else self._group_measures()
        near_f1, elsewhere = edge_f1(self._hits["near"]), edge_f1(self._hits["elsewhere"])
        correctness, completeness = precision_recall(self._hits["road"])
        found |= {
            "edge_f1": edge_f1(self._hits["edge"]),
            "edge_f1_4px": edge_f1(self._hits["wide edge"]),
            "edge_f1_near_tile_borders": near_f1 if self._hits["near"].any() else math.nan,
            "edge_f1_elsewhere": elsewhere,
            "tile_border_edge_ratio": near_f1 / elsewhere
            if elsewhere and self._hits["near"].any()
            else math.nan,
            "road_correctness": correctness,
            "road_completeness": completeness,
            "road_f1": edge_f1(self._hits["road"]) if self._hits["road"].any() else math.nan,
            "apls": _weighted(self._ways),
            "detail_ratio": _share(*self._bytes),
            "invented_share": float(invented_shares(self._confusion).sum()),
        }
        for name in ("psnr_y", "psnr_rgb", "psnr_y_not_flat", "ssim_y", "ssim_rgb"):
            values = [tile[name] for tile in self._tiles if name in tile]
            found[name] = float(np.mean(values)) if values else math.nan
        if self._tiles:
            pooled = self._squares / len(self._tiles)
            found["psnr_y_pooled"] = fidelity.psnr(float(pooled[0]))
            capped = [tile["psnr_y"] >= fidelity.PSNR_CAP for tile in self._tiles]
            found["capped_tiles"] = float(np.mean(capped))
        return {name: _or_none(value) for name, value in found.items()}

    def _group_measures(self) -> dict[str, float]:
        groups = merged(self._confusion, group_table(), len(GROUPS))
        ratios = share_ratios(groups)
        correctness, completeness = precision_recall(self._hits["main road"])
        return {
            "miou": mean_iou(groups),
            "class_miou": mean_iou(self._confusion),
            "main_road_correctness": correctness,
            "main_road_completeness": completeness,
            "building_share_ratio": float(ratios[BUILDING_GROUP]),
            "minor_road_share_ratio": float(ratios[MINOR_ROAD_GROUP]),
        }

    def _five_measures(self) -> dict[str, float]:
        ratios = share_ratios(self._confusion)
        return {
            "miou": mean_iou(self._confusion),
            "building_share_ratio": float(ratios[FIVE_CLASSES.index("building")]),
        }

    def by_group(self) -> dict[str, dict[str, float | None]]:
        """IoU, F1 and share ratio of each group (or of each of the five classes)."""
        if self._five:
            return _by_name(self._confusion, FIVE_CLASSES)
        return _by_name(merged(self._confusion, group_table(), len(GROUPS)), GROUPS)

    def by_class(self) -> dict[str, dict[str, float | None]]:
        """The same of each class of the legend; empty where the truth is masks."""
        if self._five:
            return {}
        return _by_name(self._confusion, tuple(entry.name for entry in LEGEND[:FLAT_CLASSES]))


def _by_name(counts: np.ndarray, names: tuple[str, ...]) -> dict[str, dict[str, float | None]]:
    total = max(int(counts.sum()), 1)
    columns = {
        "iou": iou(counts),
        "f1": class_f1(counts),
        "share_ratio": share_ratios(counts),
        "true_share": counts.sum(1) / total,
        "share": counts.sum(0) / total,
    }
    return {
        name: {key: _or_none(float(values[index])) for key, values in columns.items()}
        for index, name in enumerate(names)
    }


def _is_not_flat(classes: np.ndarray) -> bool:
    counts = np.sort(np.bincount(classes.ravel(), minlength=2))
    return bool(counts[-2] >= _NOT_FLAT * TILE_SIZE**2)


def _weighted(ways: list[tuple[float, int]]) -> float:
    """Mean by length of road, NaN where there are no ways."""
    total = sum(length for _, length in ways)
    return sum(value * length for value, length in ways) / total if total else math.nan


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
