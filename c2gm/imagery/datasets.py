"""Open datasets of GDAL: each thread its own, and not too many at once."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

MAX_OPEN = 64  # in a thread; a process may have some hundreds of files open


class DatasetPool:
    """Datasets that stay open while they are used, for one raster or for a mosaic of many.

    A dataset shared by threads gives wrong pixels or crashes, so no thread sees another's.
    """

    def __init__(self, max_open: int = MAX_OPEN) -> None:
        self._max_open = max_open
        self._local = threading.local()
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()

    def get(self, key: tuple[object, ...], open_dataset: Callable[[], Any]) -> Any:
        """This thread's dataset of a name, opened where it is not; valid until the next call."""
        datasets: OrderedDict[tuple[object, ...], Any] = self._local.__dict__.setdefault(
            "datasets", OrderedDict()
        )
        if key in datasets:
            datasets.move_to_end(key)
            return datasets[key]
        while len(datasets) >= self._max_open:
            datasets.popitem(last=False)[1].close()
        dataset = datasets[key] = open_dataset()
        self._opened.add(dataset)
        return dataset

    def close(self) -> None:
        """Close all datasets of all threads; no other thread may be reading."""
        for dataset in list(self._opened):
            dataset.close()
        self._local = threading.local()
