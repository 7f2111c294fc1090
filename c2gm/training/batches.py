"""Batches of crops as tensors, prepared in a thread while the network works."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from .crops import Crop, CropConfig, cut_crop
from .records import Record

_AHEAD = 6
_REFRESH_EVERY = 500  # batches, to take in shards that are still being built


class RecordSource(Protocol):
    """Where records are drawn from: a `RecordPool`, or something that wraps one."""

    def refresh(self) -> None:
        """Take in what was added since."""
        ...

    def draw(self, rng: np.random.Generator, kinds: dict[str, float]) -> Record:
        """A random record, its kind of place by weight."""
        ...


@dataclass(frozen=True)
class Batch:
    """Tensors of one step: pixels float [-1,1] [B,3,H,W], classes and labels int64 [B,H,W].

    `labels` are numbers of label sets. `zooms` are those of the maps' look, which the scale text
    names; the imagery of a decoupled crop lies on the grid of another zoom, of `imagery_zooms`.
    """

    imagery: Tensor
    map: Tensor
    reference: Tensor
    classes: Tensor
    has_reference: Tensor
    labels: Tensor
    zooms: tuple[int, ...]
    imagery_zooms: tuple[int, ...]
    cascade_factors: tuple[int | None, ...]


def collate(crops: list[Crop]) -> Batch:
    """Stack crops."""
    return Batch(
        imagery=pixels_of([crop.imagery for crop in crops]),
        map=pixels_of([crop.map for crop in crops]),
        reference=pixels_of([crop.reference for crop in crops]),
        classes=torch.from_numpy(np.stack([crop.classes for crop in crops]).astype(np.int64)),
        has_reference=torch.tensor([crop.cascade_factor is not None for crop in crops]),
        labels=torch.from_numpy(np.stack([crop.labels for crop in crops]).astype(np.int64)),
        zooms=tuple(crop.zoom for crop in crops),
        imagery_zooms=tuple(crop.imagery_zoom for crop in crops),
        cascade_factors=tuple(crop.cascade_factor for crop in crops),
    )


def pixels_of(pictures: list[np.ndarray]) -> Tensor:
    """uint8 [H,W,3] pictures as float [B,3,H,W] in [-1,1]."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return stacked.float().div_(127.5).sub_(1)


def batches(
    source: RecordSource,
    kinds: dict[str, float],
    crop: CropConfig,
    size: int,
    seed: int,
    *,
    first: int = 0,
) -> Iterator[Batch]:
    """Endless random batches of `size` crops, made ahead in a thread that ends with the iterator.

    Each batch has a generator of its own, made of `seed` and its number: a run that goes on at
    batch number `first` draws what it would have drawn without the stop, from the same records.
    An error while making a batch is raised to the consumer.
    """
    ready: queue.Queue[Batch | Exception] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def hand_over(item: Batch | Exception) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.5)
                return
            except queue.Full:
                continue

    def work() -> None:
        number = first
        try:
            while not stop.is_set():
                if number % _REFRESH_EVERY == 0:
                    source.refresh()
                rng = np.random.default_rng((seed, number))
                number += 1
                crops = [cut_crop(source.draw(rng, kinds), crop, rng) for _ in range(size)]
                hand_over(collate(crops))
        except Exception as error:  # handed to the consumer, who raises it
            hand_over(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        stop.set()
