"""Features of the last batches of windows, so that another seed or strength reads nothing anew.

Windows hands out imagery and noise together, so ComfyUI runs Apply again when only the seed
changes. The pictures are the same then, and so are their features.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from .features import Features

MAX_BYTES = 256_000_000


class KeptFeatures:
    """Features by the pictures that they were read from, bounded in bytes: the oldest go first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Features] = OrderedDict()

    def get(
        self,
        imagery: Tensor,
        reference: Tensor | None,
        encode: Callable[[], Features],
        *zooms: int | None,
    ) -> tuple[Features, bool]:
        """The features of two pictures, and whether they were kept; else `encode` makes them.

        `zooms` are those of the grid and of the look that they are read in.
        """
        key = f"{zooms} {_hash(imagery, reference)}"
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key], True
        features = encode()
        if features.size <= self._max_bytes:
            self._kept[key] = features.to_cpu()  # a graphics card has better use for its memory
            while sum(kept.size for kept in self._kept.values()) > self._max_bytes:
                self._kept.popitem(last=False)
        return features, False


def _hash(*pictures: Tensor | None) -> str:
    digest = hashlib.blake2b(digest_size=20)
    for picture in pictures:
        if picture is not None:
            digest.update(repr((picture.shape, picture.dtype)).encode())
            digest.update(picture.contiguous().cpu().numpy())
    return digest.hexdigest()
