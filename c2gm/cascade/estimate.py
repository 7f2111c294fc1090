"""What a map will take, told before anything begins: network calls, time and disk, by zoom.

Time and sizes follow from probes: a few windows of the area at each of its two highest zooms, where
nearly all windows lie, painted, feathered and packed as a run does it, on the machine that will do
it. Lower zooms take as long a window as the lower of the two; sizes are those of the highest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from typing import Any

import numpy as np

from ..grid import TileRange, Window
from ..imagery.base import Imagery
from ..map_scale import zoom_of_text
from ..painting.corners import READ_AT_ONCE, CornerReadings
from ..painting.feather import feather_tile
from ..painting.map_model import MapModel
from ..painting.paint import Painter
from ..painting.window_inputs import InputReader, WindowInputs, tile_part
from ..painting.world_noise import WorldNoise
from ..tilesets.pictures import encode_png
from .disk import waiting_windows
from .frontier import BLOCK
from .job import scale_texts
from .plan import Plan, Stage
from .settings import GenerateSettings
from .work import pack

PROBE_SECONDS = 2.0  # of painting, the first batch not counted
MOST_BATCHES = 4
PROBED_ZOOMS = 2
PLACES_A_SIDE = 8  # where windows with imagery are looked for


@dataclass(frozen=True)
class Probe:
    """What a few windows of a zoom took.

    Attributes:
        seconds_a_window: To read and paint a window.
        seconds_a_corner: To read the classes at a corner; 0 where the model reads none.
        seconds_a_tile: To feather, pack and write a tile.
        map_tile_bytes: Of a tile in the map.
        job_tile_bytes: Of a tile in the job.
        job_window_bytes: Of a window that waits for its neighbours.
    """

    seconds_a_window: float
    seconds_a_corner: float
    seconds_a_tile: float
    map_tile_bytes: float
    job_tile_bytes: float
    job_window_bytes: float


@dataclass(frozen=True)
class StageEstimate:
    """What one zoom takes at most.

    Attributes:
        zoom: The zoom.
        unet_calls: Calls of the U-Net, each of a whole batch of windows.
        seconds: Time.
        map_bytes: Disk of its tiles in the map.
        job_bytes: Disk of its tiles in the job.
    """

    zoom: int
    unet_calls: int
    seconds: float
    map_bytes: int
    job_bytes: int


@dataclass(frozen=True)
class Estimate:
    """What a map takes at most, lowest zoom first.

    Attributes:
        stages: By zoom.
        waiting_bytes: Disk of windows that wait for their neighbours, beside the job's tiles.
    """

    stages: tuple[StageEstimate, ...]
    waiting_bytes: int

    @property
    def unet_calls(self) -> int:
        """Calls of the U-Net, all zooms together."""
        return sum(stage.unet_calls for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Time of all zooms."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def map_bytes(self) -> int:
        """Disk of the map."""
        return sum(stage.map_bytes for stage in self.stages)

    @property
    def job_bytes(self) -> int:
        """Disk of the job, which is deleted when the map is written."""
        return sum(stage.job_bytes for stage in self.stages) + self.waiting_bytes


def estimate_map(
    plan: Plan, imagery: Imagery, model: MapModel, settings: GenerateSettings
) -> Estimate:
    """Measure a few windows, and tell what the whole plan takes with them."""
    highest = [stage for stage in reversed(plan.stages) if not stage.copied][:PROBED_ZOOMS]
    probes = {stage.zoom: probe(plan, stage, imagery, model, settings) for stage in highest}
    measured, lower = probes[highest[0].zoom], probes[highest[-1].zoom]
    stages = []
    for stage, counts in zip(plan.stages, plan.counts(), strict=True):
        timed = probes.get(stage.zoom, lower)
        batches = ceil(counts.windows / model.batch)
        corners = 0 if stage.copied else corners_read(stage.windows)
        stages.append(
            StageEstimate(
                stage.zoom,
                unet_calls=batches * calls_a_batch(model.identity),
                seconds=batches * model.batch * timed.seconds_a_window
                + corners * timed.seconds_a_corner
                + counts.painted * timed.seconds_a_tile,
                map_bytes=round(counts.exported * measured.map_tile_bytes),
                job_bytes=round(len(stage.tiles) * measured.job_tile_bytes),
            )
        )
    return Estimate(tuple(stages), round(waiting_windows(plan) * measured.job_window_bytes))


def corners_read(windows: TileRange) -> int:
    """About how many corners are read for a range of windows, a block at a time, some padded."""
    width, height = windows.right - windows.left + 1, windows.bottom - windows.top + 1
    return (width + READ_AT_ONCE * ceil(width / BLOCK)) * (height + ceil(height / BLOCK))


def calls_a_batch(identity: dict[str, Any]) -> int:
    """Calls of the U-Net that a batch of windows takes: its steps, twice with guidance."""
    guided = identity.get("guidance_scale", 1.0) != 1.0
    return int(identity.get("steps", 1)) * (2 if guided else 1)


def probe(
    plan: Plan, stage: Stage, imagery: Imagery, model: MapModel, settings: GenerateSettings
) -> Probe:
    """Paint a few windows of a stage, spread over the area."""
    painter = Painter(
        model,
        noise=WorldNoise(settings.seed, channels=model.latent_channels),
        geometry=plan.geometry,
        text=scale_texts(plan, settings.texts)[stage.zoom],
        trusts=stage.trusts,
    )
    read = InputReader(
        imagery,
        lambda tile: None,
        plan.geometry,
        cascade_factor=stage.cascade_factor,
        interpolation=settings.interpolation,
        corners=False,
    )
    began = time.perf_counter()
    inputs = list(islice(_windows_with_imagery(read, stage), model.batch))
    if not inputs:
        inputs = [_without_imagery(plan, stage)]
    reading = (time.perf_counter() - began) / len(inputs)
    corner = 0.0
    if model.reads_classes and plan.geometry.ring:
        # Windows in a row share their corners, so the time of a corner is measured by itself.
        inputs = [replace(one, corners=(one,) * 4) for one in inputs]
        corner = _seconds_a_corner(model, inputs[0], zoom_of_text(painter.text))
    painter(inputs)  # loads what the network loads when it first runs
    painting: list[float] = []
    while len(painting) < MOST_BATCHES and sum(painting) < PROBE_SECONDS:
        began = time.perf_counter()
        pictures = painter(inputs)
        painting.append(time.perf_counter() - began)
    sizes, assembling = _assemble(plan, pictures)
    mean = sum(painting) / len(painting)
    return Probe(reading + mean / model.batch, corner, assembling, *sizes)


def _seconds_a_corner(model: MapModel, corner: WindowInputs, look: int | None) -> float:
    """Time of one reading, after one that loads what the network loads."""
    for readings in (CornerReadings(model, look), CornerReadings(model, look)):
        began = time.perf_counter()
        readings.of_batch([replace(corner, corners=(corner,) * 4)])
    return (time.perf_counter() - began) / READ_AT_ONCE


def _windows_with_imagery(read: InputReader, stage: Stage) -> Iterator[WindowInputs]:
    for window in _spread(stage.exported or stage.tiles):
        inputs = read(window)
        if inputs.has_tile:
            yield inputs


def _spread(tiles: TileRange) -> Iterator[Window]:
    """Windows spread over a range, the middle ones first."""
    width, height = tiles.right - tiles.left + 1, tiles.bottom - tiles.top + 1
    columns = {
        tiles.left + width * (2 * i + 1) // (2 * PLACES_A_SIDE) for i in range(PLACES_A_SIDE)
    }
    rows = {tiles.top + height * (2 * i + 1) // (2 * PLACES_A_SIDE) for i in range(PLACES_A_SIDE)}
    middle = (tiles.left + width / 2, tiles.top + height / 2)
    places = [(x, y) for x in columns for y in rows]
    places.sort(key=lambda place: (place[0] - middle[0]) ** 2 + (place[1] - middle[1]) ** 2)
    for x, y in places:
        yield Window(x % (1 << tiles.zoom), y, tiles.zoom)


def _without_imagery(plan: Plan, stage: Stage) -> WindowInputs:
    """Grey for a network that is only timed."""
    size = plan.geometry.window_size
    grey = np.full((size, size, 3), 127, np.uint8)
    window = next(_spread(stage.tiles))
    reference = None if stage.cascade_factor is None else grey
    return WindowInputs(window, grey, np.ones((size, size), bool), reference)


def _assemble(plan: Plan, pictures: np.ndarray) -> tuple[tuple[float, float, float], float]:
    """Mean bytes of a tile in the map, in the job, and of a window; seconds a tile."""
    began = time.perf_counter()
    in_map, in_job, of_windows = [], [], []
    for picture in pictures:
        if plan.geometry.ring:
            around = {(dx, dy): picture for dx in (-1, 0, 1) for dy in (-1, 0, 1)}
            feather_tile(around)
        tile = tile_part(picture, plan.geometry)
        in_map.append(len(encode_png(tile)))
        in_job.append(len(pack(tile)))
        of_windows.append(len(pack(picture)))
    sizes = tuple(sum(lengths) / len(pictures) for lengths in (in_map, in_job, of_windows))
    return (sizes[0], sizes[1], sizes[2]), (time.perf_counter() - began) / len(pictures)
