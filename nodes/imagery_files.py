"""Imagery by the texts of Load Imagery's fields, for the node and for the map widgets."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..c2gm.errors import ImageryError
from ..c2gm.grid import PixelBox
from ..c2gm.imagery.base import Imagery
from .areas import parse_bounds
from .files import imagery_path, stamp

FIELDS = ("file", "picture_bounds", "crs", "nodata", "attribution")
KEPT_OPEN = 4


@dataclass(eq=False)
class LoadedImagery:
    """The value of a C2GM_IMAGERY socket: imagery, and the fields that it was opened by.

    Implements the library's `Imagery`. A node and the map on it may read at the same time, which
    the library's own imagery does not allow: reads wait for each other.
    """

    source: Imagery
    spec: Mapping[str, str]
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.name = self.source.name
        self.bounds = self.source.bounds
        self.native_zoom = self.source.native_zoom
        self.attribution = self.source.attribution
        self.fingerprint = self.source.fingerprint

    def read(self, box: PixelBox) -> tuple[np.ndarray, np.ndarray]:
        """Pixels of a box: rgb uint8 [H,W,3] and valid bool [H,W]."""
        with self.lock:
            return self.source.read(box)

    def close(self) -> None:
        """Let go of files."""
        with self.lock:
            self.source.close()


_open: OrderedDict[tuple[object, ...], LoadedImagery] = OrderedDict()
_opening = threading.Lock()


def spec_of(fields: Mapping[str, str]) -> dict[str, str]:
    """The texts of a request or of a node that say which imagery; what is missing is empty."""
    return {name: str(fields.get(name) or "").strip() for name in FIELDS}


def open_spec(spec: Mapping[str, str]) -> LoadedImagery:
    """Imagery by its fields; the same again while its file does not change.

    Raises:
        C2GMError: a field or the file is wrong.
    """
    from ..c2gm.sources import HowToRead, open_sources

    spec = spec_of(spec)
    path = imagery_path(spec["file"])
    key = (*spec.values(), stamp(path))
    with _opening:
        imagery = _open.pop(key, None)
        if imagery is None:
            how = HowToRead(
                crs=spec["crs"] or None,
                nodata=parse_nodata(spec["nodata"]),
                picture_bounds=parse_bounds(spec["picture_bounds"]),
            )
            source = open_sources(path, how, attribution=spec["attribution"])
            imagery = LoadedImagery(source, spec)
        _open[key] = imagery
        while len(_open) > KEPT_OPEN:
            _open.popitem(last=False)  # closed when nothing uses it any more
    return imagery


def parse_nodata(text: str) -> float | str | None:
    """A number, `none`, or None of an empty text: the file's own.

    Raises:
        ImageryError: it is something else.
    """
    text = text.strip().lower()
    if text in ("", "none"):
        return text or None
    try:
        return float(text)
    except ValueError:
        raise ImageryError(
            f"nodata {text!r} is no number. Give the value of pixels without imagery, like 0; "
            "none, if all count; or leave it empty for the file's own."
        ) from None
