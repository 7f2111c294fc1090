"""Build training records: windows at random places of painted and real ground."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import mercantile
import numpy as np

from ..cartography.map_objects import MapObjects
from ..cartography.render import MapDrawing
from ..grid import HALF_WORLD, WINDOW_SIZE, PixelBox, mercator_resolution
from ..imagery.base import Imagery
from ..legend import GROUND
from ..references import parent_box
from .records import Record, write_shard

WINDOWS_PER_ZOOM = {14: 2, 15: 6, 16: 16, 17: 24, 18: 24}
_VALID_SHARE = 0.6  # a window needs so much of its imagery


@dataclass(frozen=True)
class Ground:
    """Imagery and the vectors of the same ground, and the part of it that may be used.

    `bounds` are (west, south, east, north) in degrees; windows stay inside them where they fit.
    """

    place: str
    imagery: Imagery
    objects: MapObjects
    bounds: tuple[float, float, float, float]
    zooms: tuple[int, ...]
    complete: bool
    ranked_roads: bool


@dataclass(frozen=True)
class Place:
    """One real place of a data folder, by the columns of the split that its README tells.

    `west` and `east` cut the usable part (degrees, None = the picture's edge).
    """

    name: str
    image: str
    truth: str
    zooms: tuple[int, ...]
    west: float | None = None
    east: float | None = None
    complete: bool = True
    ranked_roads: bool = True


_DUBAI_ZOOMS = (15, 16, 17, 18)
TRAIN_PLACES = (
    *(
        Place(
            f"dubai-{scene}",
            f"dubai/scene{scene}.tif",
            f"dubai/scene{scene}_classes.tif",
            _DUBAI_ZOOMS,
            ranked_roads=False,
        )
        for scene in (1, 3, 4, 6, 7)
    ),
    Place(
        "chateaugiron-train",
        "chateaugiron/image.tif",
        "chateaugiron/vectors.gpkg",
        (14, 15, 16, 17, 18),
        east=-1.494141,
        complete=False,
    ),
    Place(
        "kvarnbyn-train",
        "kvarnbyn/image.tif",
        "kvarnbyn/vectors.gpkg",
        (15, 16, 17, 18),
        east=12.030029,
        complete=False,
    ),
)
DEVELOPMENT_PLACES = (
    Place(
        "dubai-2",
        "dubai/scene2.tif",
        "dubai/scene2_classes.tif",
        (16, 17, 18),
        ranked_roads=False,
    ),
    Place(
        "chateaugiron-dev",
        "chateaugiron/image.tif",
        "chateaugiron/vectors.gpkg",
        (16, 17, 18),
        west=-1.491394,
        complete=False,
    ),
    Place(
        "kvarnbyn-dev",
        "kvarnbyn/image.tif",
        "kvarnbyn/vectors.gpkg",
        (16, 17, 18),
        west=12.032776,
        complete=False,
    ),
)


def town_ground(seed: int) -> Ground:
    """The procedural town of a seed."""
    from ..worlds.town import Town, TownImagery

    town = Town(seed)
    return Ground(
        place=f"town-{seed}",
        imagery=TownImagery(town),
        objects=town.objects,
        bounds=town.bounds,
        zooms=(14, 15, 16, 17, 18),
        complete=True,
        ranked_roads=True,
    )


def real_ground(place: Place, data: Path) -> Ground:
    """A real place read from the data folder."""
    from ..cartography.masks import vectorise_classes
    from ..cartography.vectors import read_vectors
    from ..imagery.open import open_imagery

    imagery = open_imagery(data / place.image)
    truth = data / place.truth
    read = read_vectors if truth.suffix in (".gpkg", ".pbf", ".geojson") else vectorise_classes
    west, south, east, north = imagery.bounds
    return Ground(
        place=place.name,
        imagery=imagery,
        objects=read(truth),
        bounds=(place.west or west, south, place.east or east, north),
        zooms=place.zooms,
        complete=place.complete,
        ranked_roads=place.ranked_roads,
    )


def ground_records(
    ground: Ground, windows_per_zoom: dict[int, int], rng: np.random.Generator
) -> list[Record]:
    """Records at random windows of a ground, as many a zoom as asked."""
    drawn = sorted({zoom - step for zoom in ground.zooms for step in (0, 1, 2) if zoom - step > 13})
    drawings = {zoom: MapDrawing(ground.objects, zoom) for zoom in drawn}
    records = []
    for zoom in ground.zooms:
        wanted = windows_per_zoom.get(zoom, 0)
        for _ in range(3 * wanted):
            if wanted == 0:
                break
            record = _record(ground, drawings, _random_box(ground, zoom, rng))
            if record is not None:
                records.append(record)
                wanted -= 1
    return records


def _record(ground: Ground, drawings: dict[int, MapDrawing], box: PixelBox) -> Record | None:
    imagery, valid = ground.imagery.read(box)
    if valid.mean() < _VALID_SHARE:
        return None
    zoom = box.zoom
    picture, classes = drawings[zoom].picture(box), drawings[zoom].classes(box)
    imagery, picture = np.array(imagery), np.array(picture)
    imagery[~valid] = 127
    picture[~valid] = GROUND
    return Record(
        imagery=imagery,
        map=picture,
        classes=np.where(valid, classes, 0).astype(np.uint8),
        parent2=_parent(drawings, box, 2),
        parent4=_parent(drawings, box, 4),
        zoom=zoom,
        place=ground.place,
        complete=ground.complete,
        ranked_roads=ground.ranked_roads,
    )


def _parent(drawings: dict[int, MapDrawing], box: PixelBox, factor: int) -> np.ndarray | None:
    parents = parent_box(box, factor)
    return drawings[parents.zoom].picture(parents) if parents.zoom in drawings else None


def _random_box(ground: Ground, zoom: int, rng: np.random.Generator) -> PixelBox:
    """A window box inside the bounds (centred where they are smaller), on multiples of 8 px."""
    west, south, east, north = ground.bounds
    res = mercator_resolution(zoom)
    left, bottom = mercantile.xy(west, south)
    right, top = mercantile.xy(east, north)
    columns = ((left + HALF_WORLD) / res, (right + HALF_WORLD) / res)
    rows = ((HALF_WORLD - top) / res, (HALF_WORLD - bottom) / res)
    x, y = (_random_start(low, high, rng) for low, high in (columns, rows))
    return PixelBox(zoom, x, y, x + WINDOW_SIZE, y + WINDOW_SIZE)


def _random_start(low: float, high: float, rng: np.random.Generator) -> int:
    room = high - low - WINDOW_SIZE
    start = low + rng.uniform(0, room) if room > 0 else low + room / 2 + rng.uniform(-32, 32)
    return int(start) // 8 * 8


def build_town_shards(out: Path, seeds: Iterable[int]) -> None:
    """One shard a town; towns that are there are kept, so it can be stopped and resumed."""
    for seed in seeds:
        folder = out / f"town-{seed:05d}"
        if not folder.exists():
            rng = np.random.default_rng(seed)
            write_shard(folder, ground_records(town_ground(seed), WINDOWS_PER_ZOOM, rng))


def build_place_shards(
    out: Path, data: Path, places: Iterable[Place], windows_per_zoom: dict[int, int]
) -> None:
    """One shard a real place."""
    for place in places:
        folder = out / place.name
        if not folder.exists():
            rng = np.random.default_rng(0)
            write_shard(folder, ground_records(real_ground(place, data), windows_per_zoom, rng))
