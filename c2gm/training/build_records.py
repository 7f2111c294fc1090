"""Build training records: windows at random places of painted and real ground."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..cartography.render import MapDrawing
from ..grid import WINDOW_SIZE, PixelBox
from ..legend import GROUND
from ..references import parent_box
from .ground import Ground
from .label_sets import LABEL_ID, LABEL_RULES
from .real_places import Place, real_ground
from .records import Record, write_shard

WINDOWS_PER_ZOOM = {14: 2, 15: 6, 16: 16, 17: 24, 18: 24}
_MOST_TRIES = 3  # windows looked at for each that is wanted


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
    )


def ground_records(
    ground: Ground, windows_per_zoom: dict[int, int], rng: np.random.Generator
) -> list[Record]:
    """Records at random windows of a ground, as many a zoom as asked."""
    zooms = [zoom for zoom in ground.zooms if windows_per_zoom.get(zoom)]
    drawn = sorted({zoom - step for zoom in zooms for step in (0, 1, 2) if zoom - step > 13})
    drawings = {zoom: MapDrawing(ground.objects, zoom) for zoom in drawn}
    records = []
    for zoom in zooms:
        wanted = windows_per_zoom[zoom]
        for _ in range(_MOST_TRIES * wanted):
            if wanted == 0:
                break
            record = _record(ground, drawings, _random_box(ground, zoom, rng))
            if record is not None:
                records.append(record)
                wanted -= 1
    return records


def _record(ground: Ground, drawings: dict[int, MapDrawing], box: PixelBox) -> Record | None:
    imagery, valid = ground.read(box)
    if valid.mean() < ground.least_valid:
        return None
    zoom = box.zoom
    picture, classes = drawings[zoom].picture(box), drawings[zoom].classes(box)
    imagery, picture = np.array(imagery), np.array(picture)
    imagery[~valid] = 127
    picture[~valid] = GROUND
    labels = LABEL_RULES[ground.rule].table()[classes]
    if ground.unlabelled is not None:
        labels[ground.unlabelled.read(box)] = LABEL_ID["unknown"]
    labels[~valid] = LABEL_ID["as drawn"]
    drawn_sets = LABEL_RULES[ground.rule].sets
    return Record(
        imagery=imagery,
        map=picture,
        classes=np.where(valid, classes, 0).astype(np.uint8),
        parent2=_parent(drawings, box, 2),
        parent4=_parent(drawings, box, 4),
        zoom=zoom,
        place=ground.place,
        complete="ground" not in drawn_sets,
        ranked_roads=drawn_sets.get("street") != "any road",
        labels=labels,
    )


def _parent(drawings: dict[int, MapDrawing], box: PixelBox, factor: int) -> np.ndarray | None:
    parents = parent_box(box, factor)
    return drawings[parents.zoom].picture(parents) if parents.zoom in drawings else None


def _random_box(ground: Ground, zoom: int, rng: np.random.Generator) -> PixelBox:
    """A window box inside the bounds (centred where they are smaller), on multiples of 8 px."""
    x, y = (_random_start(low, high, rng) for low, high in ground.extent(zoom))
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
