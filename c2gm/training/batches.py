"""Batches of crops as tensors, prepared in a thread while the network works."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .crops import Crop, CropConfig, cut_crop
from .records import RecordPool

_AHEAD = 6
_REFRESH_EVERY = 500  # batches, to take in shards that are still being built


@dataclass(frozen=True)
class Batch:
    """Tensors of one step: pixels float [-1,1] [B,3,H,W], classes int64 [B,H,W], the rest [B]."""

    imagery: Tensor
    map: Tensor
    reference: Tensor
    classes: Tensor
    has_reference: Tensor
    complete: Tensor
    ranked_roads: Tensor
    zooms: tuple[int, ...]
    cascade_factors: tuple[int | None, ...]


def collate(crops: list[Crop]) -> Batch:
    """Stack crops."""
    return Batch(
        imagery=pixels_of([crop.imagery for crop in crops]),
        map=pixels_of([crop.map for crop in crops]),
        reference=pixels_of([crop.reference for crop in crops]),
        classes=torch.from_numpy(np.stack([crop.classes for crop in crops]).astype(np.int64)),
        has_reference=torch.tensor([crop.cascade_factor is not None for crop in crops]),
        complete=torch.tensor([crop.complete for crop in crops]),
        ranked_roads=torch.tensor([crop.ranked_roads for crop in crops]),
        zooms=tuple(crop.zoom for crop in crops),
        cascade_factors=tuple(crop.cascade_factor for crop in crops),
    )


def pixels_of(pictures: list[np.ndarray]) -> Tensor:
    """uint8 [H,W,3] pictures as float [B,3,H,W] in [-1,1]."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return stacked.float().div_(127.5).sub_(1)


def batches(
    pool: RecordPool, kinds: dict[str, float], crop: CropConfig, size: int, seed: int
) -> Iterator[Batch]:
    """Endless random batches of `size` crops, made ahead in a thread that ends with the iterator.

    An error while making a batch is raised to the consumer.
    """
    ready: queue.Queue[Batch | Exception] = queue.Queue(_AHEAD)
    stop = threading.Event()
    rng = np.random.default_rng(seed)

    def hand_over(item: Batch | Exception) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.5)
                return
            except queue.Full:
                continue

    def work() -> None:
        count = 0
        try:
            while not stop.is_set():
                if count % _REFRESH_EVERY == 0:
                    pool.refresh()
                count += 1
                crops = [cut_crop(pool.draw(rng, kinds), crop, rng) for _ in range(size)]
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
