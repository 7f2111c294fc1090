"""How much room a map takes, asked before the work begins."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import DiskFull
from .ledger import FILE_NAME
from .plan import Plan

TILE_BYTES = 40_000  # of a tile, in the job and in the map alike
WINDOW_BYTES = 60_000  # of a window picture that waits for its neighbours


def check_disk(plan: Plan, folder: Path, out_path: Path) -> None:
    """Refuse to begin what the disks cannot hold: the job, and the map that is written from it.

    Args:
        plan: Of the map.
        folder: Of the job; what it holds already counts as room.
        out_path: Of the map.

    Raises:
        DiskFull: says how much is needed and how much is free.
    """
    if short := shortage(plan, folder, out_path):
        raise DiskFull(
            f"The map needs {short}. Make room, or give a smaller --bbox or fewer zooms."
        )


def shortage(plan: Plan, folder: Path, out_path: Path) -> str:
    """What a disk lacks for the rest of a job and its map, in words; empty if there is room."""
    file = folder / FILE_NAME
    job = max(0, job_bytes(plan) - (file.stat().st_size if file.exists() else 0))
    places = {folder.parent: job, out_path.parent: map_bytes(plan)}
    if _device(folder.parent) == _device(out_path.parent):
        places = {out_path.parent: job + map_bytes(plan)}
    for place, need in places.items():
        free = shutil.disk_usage(_existing(place)).free
        if free < need:
            return f"about {_mb(need)} MB in {place}, where {_mb(free)} MB are free"
    return ""


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f}" if size >= 10e6 else f"{size / 1e6:.1f}"


def job_bytes(plan: Plan) -> int:
    """Bytes that a job takes at most: its tiles, and the windows that wait for neighbours."""
    tiles = sum(len(stage.tiles) for stage in plan.stages)
    return tiles * TILE_BYTES + waiting_windows(plan) * WINDOW_BYTES


def waiting_windows(plan: Plan) -> int:
    """Windows whose pictures wait for neighbours at the same time, at most."""
    return max(
        min(len(stage.windows), 4 * (stage.windows.right - stage.windows.left + 20))
        for stage in plan.stages
    )


def map_bytes(plan: Plan) -> int:
    """Bytes that the finished map takes."""
    return sum(counts.exported for counts in plan.counts()) * TILE_BYTES


def _existing(place: Path) -> Path:
    """The nearest folder that is there."""
    while not place.exists():
        place = place.parent
    return place


def _device(place: Path) -> int:
    return _existing(place).stat().st_dev
