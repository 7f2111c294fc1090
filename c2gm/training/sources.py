"""Where a run's records come from, and how they become batches."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch

from .batches import Batch, RecordSource, batches
from .chance import Chance
from .crops import CropConfig
from .device_crops import Shelf, device_batches
from .own_references import OwnReferences
from .records import RecordPool
from .referenced import ReferencedRecords
from .run_config import RunConfig

_CROPS_OF_A_RECORD = 50  # on a device's shelf, before another one takes its place


@contextmanager
def open_records(config: RunConfig, *, referenced: bool) -> Iterator[RecordSource]:
    """The records of a run, with worlds that are made meanwhile where it asks for them.

    Args:
        config: The run.
        referenced: Leave out what has no parent.

    Raises:
        TrainingError: there are no records, or a process that makes worlds failed.
    """
    root = Path(config.records).expanduser()
    if config.world_processes:
        from .world_feed import FeedConfig, WorldFeed

        feed = FeedConfig(config.world_processes, config.worlds_kept)
        with WorldFeed(root, feed, decoupled=config.decoupled) as worlds:
            yield ReferencedRecords(worlds) if referenced else worlds
        return
    pool = RecordPool(root, decoupled=config.decoupled)
    yield ReferencedRecords(pool) if referenced else pool


def own_references(config: RunConfig, records: RecordSource, step: int) -> OwnReferences | None:
    """The run's records with references of its own drawing, None where it asks for none."""
    if not config.own_references:
        return None
    return OwnReferences(
        records,
        share=config.own_references,
        kept=config.own_pool,
        every=config.own_every,
        seed=config.seed + step,
    )


def open_batches(
    config: RunConfig, records: RecordSource, *, device: torch.device, step: int
) -> Generator[Batch, None, None]:
    """Batches of a run from a step on, cut on the host or on the device."""
    first, seed = step * config.accumulate, config.seed + 1
    crop = crop_config(config)
    if not config.on_device:
        source = batches(records, config.kinds, crop, config.batch, seed, first=first)
        return cast("Generator[Batch, None, None]", source)
    return device_batches(
        records,
        config.kinds,
        crop,
        config.batch,
        shelf=Shelf(device, config.on_device),
        turnover=max(1, config.batch // _CROPS_OF_A_RECORD),
        chance=Chance(device, seed),
        first=first,
    )


def crop_config(config: RunConfig) -> CropConfig:
    """How a run's crops are made."""
    return CropConfig(
        size=config.crop,
        no_reference=config.no_reference,
        corrupt=config.corrupt,
        masked=config.masked,
        recolour=config.recolour,
        warped=config.warped,
        misplaced=config.misplaced,
    )
