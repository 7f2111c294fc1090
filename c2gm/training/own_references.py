"""References that the model drew itself, as it will meet them in a cascade (stage D).

A record's parents are drawn from its own imagery, averaged to the parents' zooms: first zoom z - 2
without a reference, then z - 1 under that drawing, as a cascade goes. Records carry no imagery
beyond their window, so beyond its border the imagery is mirrored: the outer pixels of such a
drawing are worse than a real one's.

An encoder in training has no U-Net that fits it. Its references are what it reads itself, drawn
plainly: wrong where it errs, which is what it shall learn to live with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ..evaluation.model_controls import draw_classes, read_classes
from ..map_scale import map_scale, scale_text
from ..models.sgdm_map_model import SGDMMapModel
from ..references import MARGIN, enlarge_reference
from .batches import RecordSource
from .records import Record
from .referenced import ReferencedRecords, has_parents

DRAWN_TOGETHER = 4
_RIMS = {2: 16, 4: 24}  # mirrored pixels at least, round a parent's window
_MULTIPLE = 64  # px, sides that every U-Net takes
_DRAWS = 1000

DrawWindows = Callable[[np.ndarray, np.ndarray | None, int, np.random.Generator], np.ndarray]
"""Imagery uint8 [B,h,w,3], enlarged reference or None, and zoom to maps uint8 [B,h,w,3]."""


class OwnReferences:
    """Records of a source, some of whose parents are the model's own drawings.

    It stands in for the source. `redraw` and `draw` may be called from two threads.

    Args:
        source: The records.
        share: Share of the records with parents that get drawn ones.
        kept: Drawings that are kept; the oldest is replaced first.
        every: Crops after which all of them are new.
        seed: Decides which records are drawn, and the noise.
    """

    def __init__(
        self, source: RecordSource, *, share: float, kept: int, every: int, seed: int
    ) -> None:
        self.source = source
        self._referenced = ReferencedRecords(source)
        self.share = share
        self.kept = kept
        self._interval = every * DRAWN_TOGETHER / kept
        self._due_at = 0.0
        self._rng = np.random.default_rng([seed, 1])
        self._drawn: list[Record] = []
        self._next = 0

    @property
    def full(self) -> bool:
        """Whether as many drawings are there as are kept."""
        return len(self._drawn) >= self.kept

    def due(self, crops: int) -> bool:
        """Whether it is time to draw again, by the crops that the run has seen.

        A few drawings are replaced at a time, so that their age is even.
        """
        if crops < self._due_at:
            return False
        self._due_at = crops + self._interval
        return True

    def refresh(self) -> None:
        """Take in shards that were added since."""
        self.source.refresh()

    def draw(self, rng: np.random.Generator, kinds: dict[str, float]) -> Record:
        """A random record of the source, or in a share of the cases one with drawn parents.

        It is exchanged for one of its own zoom and look, so that these keep their shares.
        """
        record = self.source.draw(rng, kinds)
        if not has_parents(record) or rng.random() >= self.share:
            return record
        wanted = record.zoom, record.text_zoom
        alike = [d for d in tuple(self._drawn) if (d.zoom, d.text_zoom) == wanted]
        return alike[rng.integers(len(alike))] if alike else record

    def redraw(self, draw: DrawWindows, kinds: dict[str, float]) -> None:
        """Draw the parents of a few random records anew, in the place of the oldest ones."""
        first = self._referenced.draw(self._rng, kinds)
        chosen = [first]
        for _ in range(_DRAWS):  # of one look and one size, for they are drawn as one batch
            record = self._referenced.draw(self._rng, kinds)
            if _drawn_like(record) == _drawn_like(first):
                chosen.append(record)
            if len(chosen) == DRAWN_TOGETHER:
                break
        for record in with_drawn_parents(chosen, draw, self._rng):
            if not self.full:
                self._drawn.append(record)
            else:
                self._drawn[self._next % self.kept] = record
            self._next += 1


def drawn_by(painter: SGDMMapModel) -> DrawWindows:
    """The whole model draws, as in a cascade."""

    def draw(
        imagery: np.ndarray, reference: np.ndarray | None, zoom: int, rng: np.random.Generator
    ) -> np.ndarray:
        side = imagery.shape[1] // 8
        shape = (len(imagery), painter.latent_channels, side, side)
        latent = painter.sample(
            lambda _step: rng.standard_normal(shape).astype(np.float32),
            painter.features(imagery, reference, zoom, zoom),
            painter.embed(scale_text(map_scale(zoom), None if reference is None else 2)),
        )
        return painter.decode(latent)

    return draw


def read_by(painter: SGDMMapModel) -> DrawWindows:
    """The class head's classes are drawn plainly."""

    def draw(
        imagery: np.ndarray, reference: np.ndarray | None, zoom: int, _rng: np.random.Generator
    ) -> np.ndarray:
        classes = read_classes(painter, imagery, reference, zoom)
        return np.stack([draw_classes(ids, zoom) for ids in classes])

    return draw


def with_drawn_parents(
    records: Sequence[Record], draw: DrawWindows, rng: np.random.Generator
) -> list[Record]:
    """The records, of one look, size and set of parents, their parents drawn by the model."""
    drawings: dict[int, np.ndarray] = {}
    for factor in sorted(_factors(records[0]), reverse=True):  # the coarser parent first
        imagery = np.stack([parent_imagery(record.imagery, factor) for record in records])
        above = drawings.get(2 * factor)
        reference = None if above is None else _reference_under(above, imagery.shape[1])
        zoom = records[0].text_zoom - factor.bit_length() + 1
        drawings[factor] = draw(imagery, reference, zoom, rng)
    return [
        dataclasses.replace(
            record,
            parent2=_middle(drawings[2][i], record.parent2),
            parent4=_middle(drawings[4][i], record.parent4) if 4 in drawings else None,
            drawn_parents=True,
        )
        for i, record in enumerate(records)
    ]


def parent_imagery(imagery: np.ndarray, factor: int) -> np.ndarray:
    """Imagery of a parent zoom with a mirrored rim, uint8, of a window's, uint8 [side,side,3]."""
    side = imagery.shape[0] // factor
    blocks = imagery.reshape(side, factor, side, factor, 3).astype(np.float32)
    averaged = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    whole = -(-(side + 2 * _RIMS[factor]) // _MULTIPLE) * _MULTIPLE
    rim = (whole - side) // 2
    return np.pad(averaged, ((rim, rim), (rim, rim), (0, 0)), mode="symmetric")


def _reference_under(above: np.ndarray, side: int) -> np.ndarray:
    """The drawings [B,h,w,3] of the zoom below, enlarged 2X to the middle `side` px."""
    wanted = side // 2 + 2 * MARGIN
    rim = (above.shape[1] - wanted) // 2
    cut = above[:, rim : rim + wanted, rim : rim + wanted]
    return np.stack([enlarge_reference(picture, 2) for picture in cut])


def _middle(drawing: np.ndarray, parent: np.ndarray | None) -> np.ndarray | None:
    """The part of a drawing in place of a true parent: the window and its margin."""
    if parent is None:
        return None
    rim = (drawing.shape[0] - parent.shape[0]) // 2
    return np.ascontiguousarray(drawing[rim : rim + len(parent), rim : rim + len(parent)])


def _factors(record: Record) -> tuple[int, ...]:
    return tuple(f for f in (2, 4) if getattr(record, f"parent{f}") is not None)


def _drawn_like(record: Record) -> tuple[int, int, tuple[int, ...]]:
    return record.text_zoom, len(record.imagery), _factors(record)
