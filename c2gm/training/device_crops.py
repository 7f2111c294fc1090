"""Crops that a GPU cuts for itself, from records that lie on it.

A shelf holds some thousands of records as uint8 on the device and exchanges a few of them with
every batch, so the host only moves new records while the device cuts, turns, recolours and damages
whole batches: hundreds of times what the host could. Crops are those of `crops.py`, but for what
`device_colour.py` leaves out and for warped ones.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import TrainingError
from ..grid import WINDOW_SIZE
from ..legend import GROUND
from ..references import MARGIN
from .batches import Batch, RecordSource
from .chance import Chance
from .crops import INVALID_GREY, CropConfig
from .device_colour import damage_references, hidden_sides, recolour_batch
from .records import Record

_AHEAD = 4
_PICTURES = {
    "imagery": (WINDOW_SIZE, WINDOW_SIZE, 3),
    "map": (WINDOW_SIZE, WINDOW_SIZE, 3),
    "classes": (WINDOW_SIZE, WINDOW_SIZE),
    "labels": (WINDOW_SIZE, WINDOW_SIZE),
    "parent2": (WINDOW_SIZE // 2 + 2 * MARGIN,) * 2 + (3,),
    "parent4": (WINDOW_SIZE // 4 + 2 * MARGIN,) * 2 + (3,),
}


@dataclass(frozen=True)
class _Note:
    """What the host knows of a record on the shelf."""

    zoom: int
    imagery_zoom: int
    factors: tuple[int, ...]
    drawn: bool


class Shelf:
    """Records on a device, each in its place until a newer one takes it.

    Args:
        device: Where they lie.
        places: How many; each takes 0.93 MB.
    """

    def __init__(self, device: torch.device, places: int) -> None:
        self.device = device
        self.places = places
        self.pictures = {
            name: torch.zeros(places, *shape, dtype=torch.uint8, device=device)
            for name, shape in _PICTURES.items()
        }
        self.notes: list[_Note] = []
        self._next = 0

    def put(self, records: list[Record]) -> None:
        """Put records in the places of the oldest ones.

        Raises:
            TrainingError: a record is no window of 320 px.
        """
        slots = [(self._next + i) % self.places for i in range(len(records))]
        for name, shape in _PICTURES.items():
            stacked = np.stack([_picture(record, name, shape) for record in records])
            place = torch.tensor(slots, device=self.device)
            self.pictures[name][place] = torch.from_numpy(stacked).to(self.device)
        for slot, record in zip(slots, records, strict=True):
            factors = tuple(f for f in (2, 4) if getattr(record, f"parent{f}") is not None)
            note = _Note(record.text_zoom, record.zoom, factors, record.drawn_parents)
            self.notes[slot : slot + 1] = [note]
        self._next += len(records)

    def cut(self, config: CropConfig, size: int, rng: np.random.Generator, chance: Chance) -> Batch:
        """A batch of random crops.

        Args:
            config: How crops are made.
            size: Crops.
            rng: For what the host decides.
            chance: For what the device draws.
        """
        slots = rng.integers(len(self.notes), size=size)
        notes = [self.notes[slot] for slot in slots]
        factors = [_cascade_factor(note, config, rng) for note in notes]
        room = (WINDOW_SIZE - config.size) // 8 + 1
        corner = 8 * rng.integers(room, size=(2, size))
        grid = self._turned_grid(config.size, rng.integers(8, size=size))
        place = torch.from_numpy(slots).to(self.device).view(-1, 1, 1)
        exact = grid + self._on_device(corner)
        astray = rng.integers(-2, 3, size=(2, size)) * (rng.random(size) < config.misplaced)
        seen = (exact + self._on_device(astray)).clamp_(0, WINDOW_SIZE - 1)
        imagery = _nchw(self.pictures["imagery"][place, seen[0], seen[1]])
        truth = _nchw(self.pictures["map"][place, exact[0], exact[1]])
        classes = self.pictures["classes"][place, exact[0], exact[1]].long()
        labels = self.pictures["labels"][place, exact[0], exact[1]].long()
        reference = self._references(slots, corner, factors, grid, config.size)
        fit = torch.tensor([not note.drawn for note in notes], device=self.device)
        damaged = fit & (chance.uniform(size) < config.corrupt)
        if config.corrupt:
            reference = damage_references(reference, damaged.view(-1, 1, 1, 1), chance)
        if config.recolour:
            imagery = recolour_batch(imagery, chance)
        hidden = hidden_sides(imagery, config.masked, chance)
        ground = torch.tensor(GROUND, dtype=torch.float32, device=self.device).view(1, 3, 1, 1)
        return Batch(
            imagery=_pixels(torch.where(hidden, float(INVALID_GREY), imagery)),
            map=_pixels(torch.where(hidden, ground, truth)),
            reference=_pixels(reference),
            classes=classes.masked_fill(hidden[:, 0], 0),
            has_reference=torch.tensor([factor is not None for factor in factors]),
            labels=labels.masked_fill(hidden[:, 0], 0),
            zooms=tuple(note.zoom for note in notes),
            imagery_zooms=tuple(note.imagery_zoom for note in notes),
            cascade_factors=tuple(factors),
        )

    def _references(
        self,
        slots: np.ndarray,
        corner: np.ndarray,
        factors: list[int | None],
        grid: Tensor,
        side: int,
    ) -> Tensor:
        """Enlarged references [B,3,side,side], ground colour where there is none."""
        ground = torch.tensor(GROUND, dtype=torch.float32, device=self.device)
        result = ground.view(1, 3, 1, 1).repeat(len(slots), 1, side, side)
        for factor in (2, 4):
            chosen = np.array([i for i, f in enumerate(factors) if f == factor], dtype=np.int64)
            if not len(chosen):
                continue
            span = torch.arange(side // factor + 2 * MARGIN, device=self.device)
            rows, columns = (
                torch.from_numpy(edge[chosen] // factor).to(self.device)[:, None] + span
                for edge in corner
            )
            place = torch.from_numpy(slots[chosen]).to(self.device).view(-1, 1, 1)
            parents = self.pictures[f"parent{factor}"][place, rows[:, :, None], columns[:, None, :]]
            enlarged = F.interpolate(_nchw(parents), scale_factor=factor, mode="bilinear")
            rim = MARGIN * factor
            inner = enlarged[:, :, rim:-rim, rim:-rim].round().permute(0, 2, 3, 1)
            index = torch.from_numpy(chosen).to(self.device)
            row, column = grid[0, index], grid[1, index]
            batch = torch.arange(len(chosen), device=self.device).view(-1, 1, 1)
            result[index] = inner[batch, row, column].permute(0, 3, 1, 2)
        return result

    def _turned_grid(self, side: int, turns: np.ndarray) -> Tensor:
        """Row and column of every pixel in one of the eight symmetries, [2,B,side,side]."""
        along = torch.arange(side, device=self.device)
        rows, columns = along.view(-1, 1).expand(side, side), along.expand(side, side)
        way = torch.from_numpy(turns).to(self.device).view(-1, 1, 1)
        swapped = way >= 4
        row = torch.where(swapped, columns, rows)
        column = torch.where(swapped, rows, columns)
        row = torch.where(way % 2 == 1, side - 1 - row, row)
        column = torch.where(way % 4 >= 2, side - 1 - column, column)
        return torch.stack([row, column])

    def _on_device(self, pairs: np.ndarray) -> Tensor:
        """Numbers by axis and crop, [2,B,1,1]."""
        return torch.from_numpy(pairs).to(self.device)[:, :, None, None]


def device_batches(
    source: RecordSource,
    kinds: dict[str, float],
    crop: CropConfig,
    size: int,
    *,
    shelf: Shelf,
    turnover: int,
    chance: Chance,
    first: int = 0,
) -> Generator[Batch, None, None]:
    """Endless random batches from a shelf, which is filled first and renewed with every batch.

    Args:
        source: Of records.
        kinds: Weights of the kinds of ground.
        crop: How crops are made.
        size: Crops a batch.
        shelf: Where records lie.
        turnover: Records that are exchanged with each batch.
        chance: Its seed decides everything; it is set anew for each batch.
        first: Number of the first batch.
    """
    new = _Drawn(source, kinds, turnover, (chance.seed, first))
    try:
        while len(shelf.notes) < shelf.places:
            shelf.put(new.next())
        number = first
        while True:
            shelf.put(new.next())
            chance.begin_step(number)
            yield shelf.cut(crop, size, np.random.default_rng((chance.seed, number)), chance)
            number += 1
    finally:
        new.stop()


class _Drawn:
    """Records drawn ahead in a thread; an error there is raised to who takes them."""

    def __init__(
        self, source: RecordSource, kinds: dict[str, float], count: int, seed: tuple[int, int]
    ) -> None:
        self._ready: queue.Queue[list[Record] | Exception] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        rng = np.random.default_rng((*seed, 1))

        def work() -> None:
            try:
                while not self._stop.is_set():
                    source.refresh()
                    for _ in range(_REFRESH_EVERY):
                        self._hand_over([source.draw(rng, kinds) for _ in range(count)])
            except Exception as error:  # raised to who takes them
                self._hand_over(error)

        threading.Thread(target=work, daemon=True).start()

    def _hand_over(self, item: list[Record] | Exception) -> None:
        while not self._stop.is_set():
            try:
                self._ready.put(item, timeout=0.5)
                return
            except queue.Full:
                continue

    def next(self) -> list[Record]:
        """The next few."""
        item = self._ready.get()
        if isinstance(item, Exception):
            raise item
        return item

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()


_REFRESH_EVERY = 200  # exchanges, to take in shards that are still being built


def _picture(record: Record, name: str, shape: tuple[int, ...]) -> np.ndarray:
    value = record.label_ids() if name == "labels" else getattr(record, name)
    if value is None:
        return np.zeros(shape, dtype=np.uint8)
    if value.shape != shape:
        raise TrainingError(
            f"A record of {record.place} has a side of {len(record.imagery)} px. Records on a "
            "device must be windows of 320 px; set on_device to 0."
        )
    return np.asarray(value)


def _cascade_factor(note: _Note, config: CropConfig, rng: np.random.Generator) -> int | None:
    if not note.factors or rng.random() < config.no_reference:
        return None
    return int(rng.choice(note.factors))


def _nchw(pictures: Tensor) -> Tensor:
    return pictures.permute(0, 3, 1, 2).float()


def _pixels(pictures: Tensor) -> Tensor:
    """0 to 255 as networks read it, [-1,1]."""
    return pictures.clamp(0, 255).div(127.5).sub_(1)
