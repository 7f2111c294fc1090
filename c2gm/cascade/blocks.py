"""Blocks of 16 x 16 windows, painted by workers that know nothing of the job's ledger.

A worker gets the parent tiles with the task and reads the imagery itself. It returns finished
tiles, and pictures of those windows alone that tiles outside the block need.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from mercantile import Tile

from ..grid import TileRange, Window, wrapped
from ..imagery.base import Imagery
from ..painting.geometry import SEAMLESS, geometry_of
from ..painting.map_model import MapModel
from ..painting.paint import Painter
from ..painting.window_inputs import InputReader, WindowInputs
from ..painting.world_noise import WorldNoise
from .assemble import Entry, TileAssembler
from .batches import read_batches
from .executors import paint_batches
from .frontier import BLOCK, Frontier
from .plan import Stage
from .work import PackedTile, PackedWindow, State, pack_tile, pack_window

PAINTERS = 4  # of as many zooms: their texts stay read


@dataclass(frozen=True)
class BlockTask:
    """One block to paint, with all that a worker needs for it.

    Attributes:
        stage: Of the block.
        windows: The block.
        todo: Its windows that are to be painted.
        parents: Parent tiles under them, as far as there are any.
        text: Scale text of the zoom.
        seed: Of the world noise.
        mode: How windows lie.
        interpolation: How references are enlarged.
    """

    stage: Stage
    windows: TileRange
    todo: frozenset[Window]
    parents: Mapping[Tile, PackedTile]
    text: str
    seed: int
    mode: str
    interpolation: str

    @property
    def place(self) -> tuple[int, int, int]:
        """Zoom, column and row of the block among blocks."""
        return self.stage.zoom, self.windows.left // BLOCK, self.windows.top // BLOCK


@dataclass
class BlockResult:
    """What a worker made of a block.

    Attributes:
        kept: Windows that tiles outside need.
        painted: Windows that no other tile needs.
        empty: Windows without a valid imagery pixel.
        tiles: Tiles that need no window of another block.
        profile: Short name of how this worker computes.
    """

    profile: str = ""
    kept: dict[Window, PackedWindow] = field(default_factory=dict)
    painted: list[Window] = field(default_factory=list)
    empty: list[Window] = field(default_factory=list)
    tiles: dict[Tile, PackedTile] = field(default_factory=dict)

    @property
    def sha256(self) -> bytes:
        """Hash of its pixels."""
        digest = hashlib.sha256()
        for tile, packed in sorted(self.tiles.items()):
            digest.update(f"{tile.z}/{tile.x}/{tile.y}".encode() + (packed.sha256 or b""))
        for window, kept in sorted(self.kept.items()):
            digest.update(f"{window.z}/{window.x}/{window.y}".encode() + (kept.picture or b""))
        return digest.digest()


@dataclass(frozen=True)
class WorkerInputs:
    """What a worker holds while it lives.

    Attributes:
        imagery: What is painted from.
        model: The network.
        interpolation: How it was trained to see references enlarged.
    """

    imagery: Imagery
    model: MapModel
    interpolation: str = "bilinear"


@dataclass(frozen=True)
class WorkerProfile:
    """How a worker computes; the workers of one job must agree in all of it.

    Attributes:
        batch: Windows a call.
        latent_channels: Channels of the latent.
        identity: What decides the network's output.
        interpolation: How references are enlarged.
        imagery: Fingerprint of the imagery that it reads.
        proof: Hash of a picture that it painted of nothing in particular.
    """

    batch: int
    latent_channels: int
    identity: dict[str, Any]
    interpolation: str
    imagery: str
    proof: str

    @property
    def name(self) -> str:
        """One short name of it all."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


class BlockWorker:
    """Paints blocks, one after the other.

    Args:
        inputs: Imagery and network.
    """

    def __init__(self, inputs: WorkerInputs) -> None:
        self._inputs = inputs
        self._painter = lru_cache(maxsize=PAINTERS)(self._new_painter)
        self.profile = self._describe()

    def _new_painter(self, text: str, seed: int, mode: str, trusts: bool) -> Painter:
        model = self._inputs.model
        noise = WorldNoise(seed, channels=model.latent_channels)
        geometry = geometry_of(mode)
        return Painter(model, noise=noise, geometry=geometry, text=text, trusts=trusts)

    def _describe(self) -> WorkerProfile:
        model = self._inputs.model
        size = SEAMLESS.window_size
        grey = np.arange(size * size * 3, dtype=np.uint32).reshape(size, size, 3) // 97
        pixels = grey.astype(np.uint8)
        window = WindowInputs(Window(0, 0, 0), pixels, np.ones((size, size), bool), pixels)
        pictures = self._painter("", 1, "seamless", False)([window])
        return WorkerProfile(
            batch=model.batch,
            latent_channels=model.latent_channels,
            identity=dict(model.identity),
            interpolation=self._inputs.interpolation,
            imagery=self._inputs.imagery.fingerprint,
            proof=hashlib.sha256(pictures.tobytes()).hexdigest()[:16],
        )

    def paint(self, task: BlockTask) -> BlockResult:
        """Paint a block."""
        geometry = geometry_of(task.mode)
        inner = inner_tiles(task, geometry.ring)
        frontier = Frontier(
            replace(task.stage, tiles=task.windows, windows=task.windows), geometry.ring
        )
        for x, y, z in task.windows:
            tile, window = wrapped(Tile._make((x, y, z))), Window(x % (1 << z), y, z)
            if tile not in inner:
                frontier.finish(tile, State.EMPTY)  # not for this worker
            if window not in task.todo:
                frontier.mark([window], State.EMPTY)  # painted before
        read = InputReader(
            self._inputs.imagery,
            lambda tile: task.parents[tile].unpacked() if tile in task.parents else None,
            geometry,
            cascade_factor=task.stage.cascade_factor,
            interpolation=task.interpolation,
            corners=self._inputs.model.reads_classes,
        )
        batches = read_batches(frontier, read, size=self._inputs.model.batch)
        # All pictures stay in memory: a block has 79 MB of them.
        assembler = TileAssembler(frontier, _missing, geometry, cached=len(task.windows))
        painter = self._painter(task.text, task.seed, task.mode, task.stage.trusts)
        result = BlockResult(self.profile.name)
        for batch, pictures in paint_batches(batches, painter):
            work = assembler.assemble(batch, pictures)
            result.empty += work.empty_windows
            for window, (picture, valid) in work.windows.items():
                if needed_outside(window, task.stage, inner, geometry.ring):
                    result.kept[window] = pack_window(picture, valid)
                else:
                    result.painted.append(window)
            result.tiles |= {tile: pack_tile(pixels) for tile, pixels in work.tiles.items()}
        return result


def inner_tiles(task: BlockTask, ring: int) -> frozenset[Tile]:
    """Tiles of the stage that need no windows but those of this task."""
    return frozenset(
        wrapped(Tile._make(place))
        for place in task.windows
        if place in task.stage.tiles
        and all(
            Window(*near) in task.todo or near not in task.stage.windows
            for near in _around(place, ring)
        )
    )


def needed_outside(window: Window, stage: Stage, inner: frozenset[Tile], ring: int) -> bool:
    """Whether a tile of the stage that is none of the inner ones needs a window."""
    return any(
        near in stage.tiles and Tile._make(near) not in inner
        for near in _around((window.x, window.y, window.z), ring)
    )


def _around(place: tuple[int, int, int], ring: int) -> Iterator[tuple[int, int, int]]:
    """Places (x, y, z) up to a ring away, columns wrapped."""
    x, y, z = place
    for dy in range(-ring, ring + 1):
        for dx in range(-ring, ring + 1):
            yield (x + dx) % (1 << z), y + dy, z


def _missing(window: Window) -> Entry:
    raise LookupError(f"{window} is not of this block.")
