"""Training records from a data set on disk: our own, or the authors' CSCMG and MLMG folders.

A tile becomes a record of 256 px. Its parents are cut from the maps one and two zooms lower where
the set has them, else from its prepared reference pictures, whose pixels are the parent's repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mercantile import Tile

from ..errors import TrainingError
from ..grid import TILE_SIZE, tile_box
from ..legend import CLASS_ID, FLAT_CLASSES
from ..painting.window_inputs import ReadTile
from ..references import MARGIN
from .dataset_layout import (
    CLASSES,
    IMAGERY,
    MAP,
    PARTS,
    REFERENCES,
    DatasetPart,
    read_scale,
    tile_name,
)
from .dataset_split import home_block
from .label_sets import LABEL_ID, LABEL_RULES
from .own_map import with_own_parents
from .records import Record, write_shard

SHARD_TILES = 512
_BLOCK_ZOOM = 12  # a place of the records
_NEAR = 40  # grey levels, sum of three channels: a pixel of a class has nearly its flat colour
_FILL = 3.0  # px: pixels nearer than this to a class belong to it (rims, casings, antialiasing)

# The flat colours of the authors' maps, as their loader names them; ground has none of its own.
AUTHORS_LEGEND = (
    ("building", (226, 224, 210)),
    ("street", (254, 254, 254)),
    ("main road", (255, 204, 133)),
    ("park", (217, 233, 198)),
    ("park", (228, 236, 213)),
    ("park", (208, 230, 190)),
    ("water", (133, 203, 249)),
)

Legend = Sequence[tuple[str, tuple[int, int, int]]]


@dataclass(frozen=True)
class Dataset:
    """A data set on disk.

    Attributes:
        root: its folder.
        legend: class names with their flat colours; a class may have several.
        rule: what its labels tell, a name of `label_sets.LABEL_RULES`.
    """

    root: Path
    legend: Legend
    rule: str

    @classmethod
    def at(cls, root: Path) -> Dataset:
        """The data set of a folder; one without `scale.json` is taken for one of the authors'.

        Raises:
            TrainingError: there is none at the path.
        """
        if not any((root / part / MAP).is_dir() for part in PARTS):
            raise TrainingError(
                f"{root} is no data set: it has none of the folders train/{MAP}, val/{MAP} and "
                f"test/{MAP}."
            )
        told = read_scale(root)
        if told is None:
            return cls(root, AUTHORS_LEGEND, "mapped")
        legend = [
            (name, (int(colour[0]), int(colour[1]), int(colour[2])))
            for name, colour in dict(told.get("legend", {})).items()
            if CLASS_ID.get(name, FLAT_CLASSES) < FLAT_CLASSES
        ]
        return cls(root, legend, "true map" if told.get("complete") else "mapped")

    @property
    def parts(self) -> list[str]:
        """The parts that are there."""
        return [part for part in PARTS if (self.root / part / MAP).is_dir()]

    def part(self, name: str) -> DatasetPart:
        """One part."""
        return DatasetPart(self.root / name)


def dataset_records(
    dataset: Dataset,
    part_name: str,
    tiles: Sequence[Tile] | None = None,
    *,
    own_map: ReadTile | None = None,
) -> Iterator[Record]:
    """Records of the tiles of a part, by default of all that its lists name.

    With a map that a model drew of the same ground, references are cut out of it.

    Raises:
        TrainingError: a picture is missing or damaged.
    """
    part = dataset.part(part_name)
    kind = dataset.root.resolve().name.split("-")[0]
    for tile in part.tiles() if tiles is None else tiles:
        truth = part.read(MAP, tile)
        if part.has(CLASSES, tile):
            classes = part.read(CLASSES, tile)
            labels = LABEL_RULES[dataset.rule].table()[classes]
        else:
            classes, labels = classes_of_map(truth, dataset.legend, dataset.rule)
        record = Record(
            imagery=part.read(IMAGERY, tile),
            map=truth,
            classes=classes,
            parent2=_parent(part, tile, 2),
            parent4=_parent(part, tile, 4),
            zoom=tile.z,
            place=f"{kind}-{tile_name(home_block(tile, _BLOCK_ZOOM))}",
            complete=dataset.rule == "true map",
            ranked_roads=True,
            labels=labels,
        )
        yield record if own_map is None else with_own_parents(record, tile_box(tile), own_map)


def classes_of_map(picture: np.ndarray, legend: Legend, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Read classes back from a map of any style.

    Args:
        picture: uint8 [H,W,3].
        legend: class names with their colours.
        rule: what the map's labels tell.

    Returns:
        Class ids and numbers of label sets, uint8 [H,W]. A pixel has the class whose colour it
        nearly has, or that of such a pixel close by; elsewhere it is unknown (names, symbols,
        classes that the legend does not have), and its class id is ground.
    """
    from scipy.ndimage import distance_transform_edt

    colours = np.array([colour for _, colour in legend], dtype=np.int16)
    numbers = np.array([CLASS_ID[name] for name, _ in legend], dtype=np.uint8)
    away = np.abs(picture[:, :, None, :].astype(np.int16) - colours).sum(-1)
    known = away.min(-1) <= _NEAR
    if not known.any():
        unknown = np.full(picture.shape[:2], LABEL_ID["unknown"], dtype=np.uint8)
        return np.zeros_like(unknown), unknown
    nearest = numbers[away.argmin(-1)]
    distance, (rows, columns) = distance_transform_edt(~known, return_indices=True)
    classes = nearest[rows, columns]
    labels = LABEL_RULES[rule].table()[classes]
    far = distance > _FILL
    classes[far], labels[far] = 0, LABEL_ID["unknown"]
    return classes, labels


def _parent(part: DatasetPart, tile: Tile, factor: int) -> np.ndarray | None:
    """The parent map under a tile with its margin; past the parent's rim its edge is repeated."""
    step = factor.bit_length() - 1
    side = TILE_SIZE // factor
    parent = Tile(tile.x >> step, tile.y >> step, tile.z - step) if tile.z >= step else None
    if parent is not None and part.has(MAP, parent):
        framed = np.pad(
            part.read(MAP, parent), ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), "edge"
        )
        top, left = tile.y % factor * side, tile.x % factor * side
        return framed[top : top + side + 2 * MARGIN, left : left + side + 2 * MARGIN]
    if part.has(REFERENCES[factor], tile):
        small = part.read(REFERENCES[factor], tile)[::factor, ::factor]
        return np.pad(small, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), "edge")
    return None


def pack_records(
    dataset: Dataset,
    out: Path,
    *,
    own_map: ReadTile | None = None,
    on_shard: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Pack a data set into shards that the trainer reads, `<out>/<part>/<name>-<number>`.

    Shards that are there are kept, so it can be stopped and resumed.

    Args:
        dataset: what is packed.
        out: folder of the parts.
        own_map: tiles of a map that a model drew of the imagery. Then its train part is packed once
            more with references cut out of that map, as `<name>-own-<number>`.
        on_shard: told shards done and shards in all.

    Returns:
        Records by part.

    Raises:
        TrainingError: a picture is missing or damaged.
    """
    name = dataset.root.resolve().name + ("" if own_map is None else "-own")
    pieces = [
        (part, number, tiles[start : start + SHARD_TILES])
        for part in (dataset.parts if own_map is None else PARTS[:1])
        for tiles in [_mixed(dataset.part(part).tiles())]
        for number, start in enumerate(range(0, len(tiles), SHARD_TILES))
    ]
    counts: dict[str, int] = {}
    for done, (part, number, tiles) in enumerate(pieces):
        folder = out / part / f"{name}-{number:04d}"
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            write_shard(folder, list(dataset_records(dataset, part, tiles, own_map=own_map)))
        counts[part] = counts.get(part, 0) + len(tiles)
        if on_shard is not None:
            on_shard(done + 1, len(pieces))
    return counts


def _mixed(tiles: Sequence[Tile]) -> list[Tile]:
    """Tiles in a fixed order by chance, so that each shard holds all zooms and places."""
    order = np.random.default_rng(0).permutation(len(tiles))
    return [tiles[index] for index in order]
