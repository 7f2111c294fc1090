"""Build a data set: imagery and vectors of the same ground -> pairs of tiles at every zoom.

The ground is cut into blocks. A block is built by itself, from the vectors in and around it, by
one process, and is noted when it is whole; so a build is resumed by the same command and does not
depend on the number of processes.
"""

from __future__ import annotations

import json
import multiprocessing
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from mercantile import Tile

from .. import map_scale
from ..cartography.map_objects import MapObjects
from ..cartography.style import Style, built_in_style, read_style
from ..errors import ConfigError, TrainingError
from ..grid import TILE_SIZE, PixelBox, tile_box, tiles_in_bounds
from ..imagery.base import Imagery
from .dataset_ground import Coverage, cut_objects
from .dataset_layout import (
    CLASSES,
    IMAGERY,
    MAP,
    PARTS,
    REFERENCES,
    DatasetPart,
    tile_name,
    write_text,
)
from .dataset_split import SplitConfig, home_block, part_of_tile, split_blocks, thinned
from .drawings import Drawings

INVALID_GREY = 127
_STATE = ".build"  # folder of what is done


@dataclass(frozen=True)
class DatasetConfig:
    """What a data set holds.

    Attributes:
        zooms: of its tiles.
        bounds: (west, south, east, north) in degrees; None takes where imagery and vectors meet.
        within: file with the polygons inside which the vectors are complete, or None.
        split: how ground is split.
        style: a style file, or None for the house style.
        references: cascade factors whose reference pictures are written too. The authors' loader
            wants them; ours cuts references from the maps of lower zooms, and needs the pictures
            where those are left out (gaps, `most_tiles`).
        least_valid: share of a tile that must have imagery.
        most_tiles: of one zoom in one part, chosen by chance; None takes all.
        complete: the map is complete: ground colour means bare ground, not only "not mapped".
    """

    zooms: tuple[int, ...] = (14, 15, 16, 17, 18)
    bounds: tuple[float, float, float, float] | None = None
    within: str | None = None
    split: SplitConfig = field(default_factory=SplitConfig)
    style: str | None = None
    references: tuple[int, ...] = (2, 4)
    least_valid: float = 0.98
    most_tiles: int | None = None
    complete: bool = False

    def __post_init__(self) -> None:
        if not self.zooms or not set(self.references) <= set(REFERENCES):
            raise ConfigError("A data set needs zooms, and references of factor 2 or 4.")
        if not 0 < self.least_valid <= 1:
            raise ConfigError(f"A valid share of {self.least_valid} is not between 0 and 1.")


@dataclass(frozen=True)
class Source:
    """Where imagery comes from: a path and how it is opened, so that each process can open it."""

    path: str
    crs: str | None = None
    nodata: Any = None

    def imagery(self) -> Imagery:
        """Open it."""
        from ..sources import HowToRead, open_sources

        return open_sources(self.path, HowToRead(crs=self.crs, nodata=self.nodata))


@dataclass(frozen=True)
class Block:
    """One task: the tiles of a block, by part, and the vectors under them."""

    name: str
    tiles: dict[str, list[Tile]]
    objects: MapObjects


OnBlock = Callable[[int, int, int], None]  # blocks done, blocks in all, tiles written


def build_dataset(
    source: Source,
    vectors: Path,
    root: Path,
    config: DatasetConfig,
    *,
    processes: int = 1,
    on_block: OnBlock | None = None,
) -> dict[str, dict[int, int]]:
    """Build a data set, or go on with one that was begun.

    Args:
        source: the imagery.
        vectors: OpenStreetMap extract or another vector file with OpenStreetMap's keys.
        root: folder of the data set.
        config: what it holds.
        processes: that work at once.
        on_block: told after each block.

    Returns:
        Tiles by part and zoom.

    Raises:
        TrainingError: the folder holds another data set, or no tile lies in imagery and vectors.
        ConfigError: the split is impossible.
        ImageryError, VectorError: a source cannot be read.
    """
    from ..cartography.vectors import read_vectors

    imagery = source.imagery()
    _claim(root, _key(source, imagery, vectors, config))
    objects = read_vectors(vectors)
    coverage = Coverage.of(imagery, objects, bounds=config.bounds, within=config.within)
    planned = plan_tiles(coverage, config)
    if not planned:
        raise TrainingError(
            f"No tile of zooms {config.zooms} lies in both {imagery.name} and {vectors.name}. "
            "Give imagery and vectors of the same ground."
        )
    done = {name: _noted(root, name) for name in planned}
    todo = [name for name, written in done.items() if written is None]
    blocks = (Block(name, planned[name], cut_objects(objects, planned[name])) for name in todo)
    settings = _Settings(source, str(root), config)
    for name, written in _run(blocks, settings, processes, len(todo)):
        done[name] = written
        if on_block is not None:
            finished = [names for names in done.values() if names is not None]
            on_block(len(finished), len(done), sum(len(t) for w in finished for t in w.values()))
    counts = _write_lists(root, done)
    write_text(root / "scale.json", json.dumps(_told(imagery, config), indent=1))
    return counts


def plan_tiles(coverage: Coverage, config: DatasetConfig) -> dict[str, dict[str, list[Tile]]]:
    """Tiles by block and part."""
    split = config.split
    tiles = [
        tile
        for zoom in config.zooms
        for tile in tiles_in_bounds(coverage.bounds, zoom)
        if coverage.holds(tile)
    ]
    weights = Counter(home_block(tile, split.block_zoom) for tile in tiles)
    if not weights:
        return {}
    parts = split_blocks(weights, split)
    by_part: dict[tuple[str, int], list[Tile]] = defaultdict(list)
    for tile in tiles:
        part = part_of_tile(tile, parts, split)
        if part is not None:
            by_part[part, tile.z].append(tile)
    planned: dict[str, dict[str, list[Tile]]] = defaultdict(lambda: defaultdict(list))
    for (part, _), members in by_part.items():
        for tile in thinned(members, config.most_tiles, split.seed):
            planned[tile_name(home_block(tile, split.block_zoom))][part].append(tile)
    return {name: dict(planned[name]) for name in sorted(planned)}


@dataclass(frozen=True)
class _Settings:
    source: Source
    root: str
    config: DatasetConfig


def _run(
    blocks: Iterator[Block], settings: _Settings, processes: int, count: int
) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Blocks as they are done, each with the names of its tiles by part."""
    if processes <= 1 or count <= 1:
        for block in blocks:
            yield block.name, build_block(block, settings)
        return
    # Spawned everywhere: forks inherit GDAL's handles and threads in a broken state.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, count), mp_context=context) as pool:
        waiting: dict[Any, str] = {}
        try:
            for block in blocks:
                waiting[pool.submit(build_block, block, settings)] = block.name
                # A few ahead: cut vectors of a whole region would fill the memory.
                if len(waiting) >= 2 * processes:
                    yield from _finished(waiting, 1)
            yield from _finished(waiting, len(waiting))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _finished(waiting: dict[Any, str], least: int) -> Iterator[tuple[str, dict[str, list[str]]]]:
    for future in as_completed(list(waiting)):
        yield waiting.pop(future), future.result()
        least -= 1
        if least <= 0:
            return


def build_block(block: Block, settings: _Settings) -> dict[str, list[str]]:
    """Write the pairs of a block and note it as done.

    Returns:
        Names of the tiles that were written, by part.
    """
    config, root = settings.config, Path(settings.root)
    imagery = _opened(settings.source)
    drawings = Drawings(block.objects, _style(config.style))
    written = {
        part: [
            tile_name(tile)
            for tile in tiles
            if _write_pair(DatasetPart(root / part), tile, imagery, drawings, config)
        ]
        for part, tiles in block.tiles.items()
    }
    write_text(_note(root, block.name), json.dumps(written))
    return written


def _write_pair(
    part: DatasetPart, tile: Tile, imagery: Imagery, drawings: Drawings, config: DatasetConfig
) -> bool:
    box = tile_box(tile)
    rgb, valid = imagery.read(box)
    if valid.mean() < config.least_valid:
        return False
    drawing = drawings.of(tile.z)
    picture, classes = np.array(drawing.picture(box)), np.array(drawing.classes(box))
    rgb = np.where(valid[..., None], rgb, np.uint8(INVALID_GREY))
    picture[~valid] = _style(config.style).colours["ground"]
    classes[~valid] = 0
    part.write(IMAGERY, tile, rgb)
    for factor in config.references:
        if tile.z - map_scale.zoom_step(factor) >= min(config.zooms):
            part.write(REFERENCES[factor], tile, _reference(tile, factor, drawings))
    part.write(CLASSES, tile, classes)
    part.write(MAP, tile, picture)  # the last: a map stands for a whole pair
    return True


def _reference(tile: Tile, factor: int, drawings: Drawings) -> np.ndarray:
    """The parent map under a tile, pixels repeated as in the authors' prepared references."""
    box, side = tile_box(tile), TILE_SIZE // factor
    left, top = box.left // factor, box.top // factor
    zoom = tile.z - map_scale.zoom_step(factor)
    parent = drawings.of(zoom).picture(PixelBox(zoom, left, top, left + side, top + side))
    return np.repeat(np.repeat(parent, factor, axis=0), factor, axis=1)


@lru_cache(maxsize=1)
def _opened(source: Source) -> Imagery:
    """The imagery of this process."""
    return source.imagery()


@lru_cache(maxsize=1)
def _style(path: str | None) -> Style:
    return built_in_style() if path is None else read_style(path)


def _key(source: Source, imagery: Imagery, vectors: Path, config: DatasetConfig) -> str:
    from ..imagery.fingerprint import fingerprint_files

    files = [vectors, *(Path(path) for path in (config.style, config.within) if path)]
    key = {
        "imagery": imagery.fingerprint,
        "vectors": fingerprint_files(files, ()),
        "config": asdict(config),
    }
    return json.dumps(key, indent=1)


def _claim(root: Path, key: str) -> None:
    """Refuse a folder that holds another data set, or anything else."""
    path = root / _STATE / "key.json"
    if path.exists():
        if path.read_text(encoding="utf-8") != key:
            raise TrainingError(
                f"{root} holds a data set of other imagery, vectors or settings. Give the old "
                "ones, or another --out."
            )
    elif root.exists() and any(root.iterdir()):
        raise TrainingError(f"{root} is not empty and no data set of ours. Give another --out.")
    else:
        write_text(path, key)


def _note(root: Path, name: str) -> Path:
    return root / _STATE / "blocks" / f"{name}.json"


def _noted(root: Path, name: str) -> dict[str, list[str]] | None:
    """What was written of a block that is whole."""
    try:
        noted = json.loads(_note(root, name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return noted if isinstance(noted, dict) else None


def _write_lists(
    root: Path, done: dict[str, dict[str, list[str]] | None]
) -> dict[str, dict[int, int]]:
    from .dataset_layout import parse_tile_name

    counts: dict[str, dict[int, int]] = {}
    for part in PARTS:
        names = [name for written in done.values() if written for name in written.get(part, [])]
        tiles: Sequence[Tile] = [parse_tile_name(name) for name in names]
        if DatasetPart(root / part).write_list(tiles) is not None:
            counts[part] = dict(sorted(Counter(tile.z for tile in tiles).items()))
    if not counts:
        raise TrainingError(
            f"No tile has enough imagery (--least-valid). {root} holds no pairs: look at the "
            "imagery's bounds and its nodata value."
        )
    return counts


def _told(imagery: Imagery, config: DatasetConfig) -> dict[str, Any]:
    """What `scale.json` tells: the table of the scale text, the legend, what labels mean."""
    scales = {str(zoom): asdict(map_scale.map_scale(zoom)) for zoom in config.zooms}
    style = _style(config.style)
    return {
        "levels": {
            zoom: {
                "resolution": entry["resolution"],
                "scale": f"1:{entry['denominator']}",
                "example": entry["examples"],
            }
            for zoom, entry in scales.items()
        },
        "legend": {name: list(colour) for name, colour in style.colours.items()},
        "complete": config.complete,
        "imagery": imagery.name,
        "credit": imagery.attribution,
    }
