"""Build training records: windows at random places of painted and real ground."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..grid import WINDOW_SIZE, PixelBox
from ..legend import GROUND
from ..painting.window_inputs import ReadTile
from .crops import INVALID_GREY
from .drawings import FIRST_ZOOM, LAST_ZOOM, Drawings
from .ground import Ground
from .label_sets import LABEL_ID, LABEL_RULES
from .own_map import with_own_parents
from .real_places import Place, real_ground
from .records import Record, write_shard

WINDOWS_PER_ZOOM = {14: 2, 15: 6, 16: 16, 17: 24, 18: 24}
DECOUPLED = 1 / 3  # of the windows give a second record: a quarter of all
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
    ground: Ground,
    windows_per_zoom: dict[int, int],
    rng: np.random.Generator,
    *,
    decoupled: float = 0.0,
    own_map: ReadTile | None = None,
) -> list[Record]:
    """Records at random windows of a ground, as many a zoom as asked.

    Args:
        ground: what they are cut from.
        windows_per_zoom: how many windows of each zoom.
        rng: decides where.
        decoupled: share of windows that give a second record, in the look of another zoom.
        own_map: a pyramid that a model drew of this ground from its imagery; references are then
            cut from it: what a cascade meets, with the errors of all zooms below.
    """
    drawings = Drawings(ground.objects)
    records = []
    for zoom in ground.zooms:
        wanted = windows_per_zoom.get(zoom, 0)
        for _ in range(_MOST_TRIES * wanted):
            if wanted == 0:
                break
            box = _random_box(ground, zoom, rng)
            record = window_record(ground, drawings, box)
            if record is None:
                continue
            records.append(record if own_map is None else with_own_parents(record, box, own_map))
            wanted -= 1
            if rng.random() < decoupled:
                look = int(rng.choice(other_looks(zoom)))
                other = window_record(ground, drawings, box, look=look)
                records.extend([] if other is None else [other])
    return records


def other_looks(zoom: int) -> list[int]:
    """Other zooms whose look can be drawn on the grid of a zoom.

    At most one zoom above its own: wider roads would leave nothing of the blocks.
    """
    return [look for look in range(FIRST_ZOOM, min(zoom + 1, LAST_ZOOM) + 1) if look != zoom]


def window_record(
    ground: Ground, drawings: Drawings, box: PixelBox, *, look: int | None = None
) -> Record | None:
    """The record of a window, or None where too little of its imagery is there.

    Args:
        ground: with the imagery.
        drawings: of the ground's vectors.
        box: 320 px.
        look: the zoom whose look is drawn, by default the box's own.
    """
    imagery, valid = ground.read(box)
    if valid.mean() < ground.least_valid:
        return None
    look = box.zoom if look is None else look
    drawing = drawings.of(box.zoom, look)
    imagery, picture = np.array(imagery), np.array(drawing.picture(box))
    classes = np.where(valid, drawing.classes(box), 0).astype(np.uint8)
    imagery[~valid] = INVALID_GREY
    picture[~valid] = GROUND
    rule = LABEL_RULES[ground.rule]
    labels = rule.table()[classes]
    if ground.unlabelled is not None:
        labels[ground.unlabelled.read(box)] = LABEL_ID["unknown"]
    labels[~valid] = LABEL_ID["as drawn"]
    return Record(
        imagery=imagery,
        map=picture,
        classes=classes,
        parent2=drawings.parent(box, look, 2),
        parent4=drawings.parent(box, look, 4),
        zoom=box.zoom,
        place=ground.place,
        complete="ground" not in rule.sets,
        ranked_roads="street" not in rule.sets,
        labels=labels,
        look_zoom=look,
    )


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
            records = ground_records(town_ground(seed), WINDOWS_PER_ZOOM, rng, decoupled=DECOUPLED)
            write_shard(folder, records)


def build_place_shards(
    out: Path,
    data: Path,
    places: Iterable[Place],
    windows_per_zoom: dict[int, int],
    *,
    decoupled: float = 0.0,
) -> None:
    """One shard a real place; those that are there are kept.

    Args:
        out: folder of shards.
        data: the data folder.
        places: which.
        windows_per_zoom: windows of each.
        decoupled: share of windows with a second look, for places whose vectors have ranked roads.
    """
    for place in places:
        folder = out / place.name
        if folder.exists():
            continue
        share = decoupled if place.rule in ("true map", "mapped") else 0.0
        rng = np.random.default_rng(0)
        ground = real_ground(place, data)
        write_shard(folder, ground_records(ground, windows_per_zoom, rng, decoupled=share))
