"""The library's cascade inside ComfyUI: jobs, progress with the growing map, and cancel."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import comfy.utils
import numpy as np
from PIL import Image

from ..c2gm.cascade.generate import generate, plan_for
from ..c2gm.cascade.job import job_key, key_hash, scale_texts
from ..c2gm.cascade.plan import Plan
from ..c2gm.cascade.progress import Progress
from ..c2gm.cascade.settings import GenerateSettings
from ..c2gm.grid import PixelBox, tile_box
from ..c2gm.imagery.base import Imagery
from ..c2gm.legend import GROUND
from ..c2gm.painting.window_inputs import over_ground
from ..c2gm.tilesets.open import open_tileset
from . import rates
from .areas import PickedArea
from .files import output_folder
from .growing import GrowingTiles
from .map_model import ComfyMapModel
from .stitching import stitch_tileset
from .wording import counted

PREVIEW_SIZE = 512
MAX_PIXELS = 64_000_000


@dataclass(frozen=True)
class DrawnMap:
    """A finished map.

    Attributes:
        path: Its tile set.
        tiles: Tiles that were needed, those for other zooms' references included.
        reused: Of them, how many an earlier run had drawn.
    """

    path: Path
    tiles: int
    reused: int

    @property
    def line(self) -> str:
        """How much was reused, in words."""
        return f"{self.reused:,} of {counted(self.tiles, 'tile')} reused"


def draw_map(
    imagery: Imagery,
    model: ComfyMapModel,
    settings: GenerateSettings,
    start: Path | None,
    *,
    node_id: str = "",
) -> DrawnMap:
    """Draw a map, or go on with a cancelled run of the same key.

    The job's name is its key, so other settings are another job and never an error.

    Args:
        imagery: What it is drawn from.
        model: What draws.
        settings: What is drawn.
        start: Path of a tile set to begin with.
        node_id: The node that shows the growing map.

    Raises:
        C2GMError: the area, the start map or a text does not fit.
    """
    folder = output_folder() / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        begin = None if start is None else stack.enter_context(open_tileset(start))
        if begin is not None:
            settings = dataclasses.replace(settings, zooms=_from(begin.zooms, settings.zooms))
        plan = plan_for(imagery, settings, begin)
        texts = scale_texts(plan, settings.texts)
        key = job_key(plan, imagery, model, settings, texts=texts, start=begin)
        path = folder / f"{key_hash(key)}.mbtiles"
        growing = GrowingMap(plan, node_id)
        result = generate(imagery, model, path, settings, start=begin, on_progress=growing)
    tiles = sum(len(stage.tiles) for stage in plan.stages)
    if result.nothing_to_do:
        return DrawnMap(path, tiles, reused=tiles)
    growing.show_finished(path)
    if result.painted_windows:
        rates.remember(result.painted_windows / result.seconds)
    return DrawnMap(path, tiles, reused=result.reused_tiles)


def _from(start_zooms: tuple[int, ...], zooms: tuple[int, ...]) -> tuple[int, ...]:
    """The zooms that can be drawn from a start map: none below its lowest."""
    return tuple(zoom for zoom in zooms if zoom >= min(start_zooms, default=0)) or zooms


def last_picture(path: Path, area: PickedArea) -> np.ndarray:
    """The finest zoom of a map that makes no more than 64 megapixels, uint8 [H,W,3]."""
    with open_tileset(path) as tileset:
        zooms = tileset.zooms
    sizes = {zoom: area.stage(zoom).tiles.box for zoom in zooms}
    fitting = [zoom for zoom, box in sizes.items() if box.width * box.height <= MAX_PIXELS]
    return stitch_tileset(path, area, max(fitting or zooms[:1]))


class GrowingMap:
    """Shows the progress of a run, and the map as it grows: finer tiles over coarser ones."""

    def __init__(self, plan: Plan, node_id: str) -> None:
        finest = plan.stages[-1]
        self.box = (finest.exported or finest.tiles).box
        self.scale = PREVIEW_SIZE / max(self.box.width, self.box.height)
        size = (round(self.box.width * self.scale), round(self.box.height * self.scale))
        self.picture = Image.new("RGB", (max(1, size[0]), max(1, size[1])), GROUND)
        self.tiles = GrowingTiles(
            node_id, plan.area.bounds, tuple(stage.zoom for stage in plan.stages)
        )
        self.bar = comfy.utils.ProgressBar(sum(counts.windows for counts in plan.counts()))

    def __call__(self, progress: Progress) -> None:
        """Called by the cascade after every batch; ComfyUI raises here when cancelled."""
        self.tiles.add(progress.finished)
        for tile, pixels in progress.finished:
            self.draw(tile_box(tile), over_ground(pixels))
        self._show(progress.windows_done, progress.windows)

    def show_finished(self, path: Path) -> None:
        """Show the whole map, with the tiles that earlier runs had drawn."""
        with open_tileset(path) as tileset:
            for tile in tileset.tiles(max(tileset.zooms)):
                pixels = tileset.get(tile)
                if pixels is not None:
                    self.draw(tile_box(tile), over_ground(pixels))
        self._show(self.bar.total, self.bar.total)

    def _show(self, done: int, total: int) -> None:
        # A copy: ComfyUI encodes it in another thread, while the map grows.
        self.bar.update_absolute(done, total, ("JPEG", self.picture.copy(), PREVIEW_SIZE))

    def draw(self, box: PixelBox, pixels: np.ndarray) -> None:
        """Draw a tile of any zoom, cut to the area."""
        factor = 1 << (self.box.zoom - box.zoom)
        left, right = _overlap(box.left * factor, box.right * factor, self.box.left, self.box.right)
        top, bottom = _overlap(box.top * factor, box.bottom * factor, self.box.top, self.box.bottom)
        if left >= right or top >= bottom:
            return
        x0, x1 = (round((x - self.box.left) * self.scale) for x in (left, right))
        y0, y1 = (round((y - self.box.top) * self.scale) for y in (top, bottom))
        if x0 == x1 or y0 == y1:
            return
        cut = (
            left / factor - box.left,
            top / factor - box.top,
            right / factor - box.left,
            bottom / factor - box.top,
        )
        shrunk = Image.fromarray(pixels).resize((x1 - x0, y1 - y0), box=cut)
        self.picture.paste(shrunk, (x0, y0))


def _overlap(first: int, last: int, low: int, high: int) -> tuple[int, int]:
    return max(first, low), min(last, high)
