"""Rows that a model sets itself: the truth through its VAE, and its reading without its drawing.

The VAE ceiling is what no drawing can exceed. Segment and draw is what a plain segmentation net
would give: the class head's classes in the colours of the legend, with casings; a model that does
not beat it draws for nothing.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from mercantile import Tile

from ..grid import Window
from ..imagery.base import Imagery
from ..legend import CLASS_ID, palette
from ..models.sgdm_map_model import SGDMMapModel
from ..painting.corners import CornerReadings
from ..painting.geometry import geometry_of
from ..painting.window_inputs import InputReader, read_mosaic, tile_part
from .edges import near
from .groups import ROADS
from .truth import Pyramid

_FIRST_ZOOM_WITH_CASINGS = 15
_SEAMLESS = geometry_of("seamless")


class ThroughVAE:
    """The truth as the model's VAE keeps it, window by window: the ceiling of any drawing."""

    def __init__(self, model: SGDMMapModel, truth: Pyramid) -> None:
        self._model, self._truth = model, truth

    def get(self, tile: Tile) -> np.ndarray | None:
        """The tile's part of its window, uint8 [256,256,3]."""
        import torch

        if self._truth.get(tile) is None:
            return None
        window = read_mosaic(self._truth.get, _SEAMLESS.box(Window(*tile)))
        with torch.inference_mode():
            latent = self._model.model.encode(self._model.to_pixels(window[None]))
            return tile_part(self._model.decode(latent)[0], _SEAMLESS)


class SegmentAndDraw:
    """The class head's classes of the imagery alone, read at the corners of the tiles as for
    drawing, in the colours of the legend.
    """

    def __init__(self, model: SGDMMapModel, imagery: Imagery) -> None:
        self._read = InputReader(
            imagery,
            lambda tile: None,
            _SEAMLESS,
            cascade_factor=None,
            interpolation=model.model.config.interpolation,
            corners=True,
        )
        self._corners = lru_cache(maxsize=1)(lambda zoom: CornerReadings(model, zoom))

    def get(self, tile: Tile) -> np.ndarray | None:
        """The tile's part of its window, uint8 [256,256,3], or None without imagery."""
        inputs = self._read(Window(*tile))
        if not tile_part(inputs.valid, _SEAMLESS).any():
            return None
        classes = self._corners(tile.z).of_batch([inputs])[0].argmax(0)
        picture = draw_classes(classes, tile.z)
        return tile_part(np.dstack([picture, inputs.valid * np.uint8(255)]), _SEAMLESS)


def read_classes(
    model: SGDMMapModel, imagery: np.ndarray, references: np.ndarray | None, zoom: int
) -> np.ndarray:
    """The class head's best classes, uint8 [B,H,W], read as for drawing.

    Args:
        model: Whose class head reads.
        imagery, references: Windows uint8 [B,H,W,3].
        zoom: Of the grid that they lie on, and of the look.
    """
    import torch

    encoder = model.model.mf_encoder
    with torch.inference_mode():
        seen = model.to_pixels(imagery)
        reference = None if references is None else model.to_pixels(references)
        reading = encoder.read(seen, reference)
        how = model.model.config.how_to_read(zoom, zoom)
        logits = encoder.logits_as_drawn(how, reading, seen, reference)
    classes: np.ndarray = logits.argmax(1).to(torch.uint8).cpu().numpy()
    return classes


def draw_classes(classes: np.ndarray, zoom: int) -> np.ndarray:
    """Flat classes [H,W] as a map picture uint8 [H,W,3], roads with casings of 1 px."""
    ids = classes.copy()
    if zoom >= _FIRST_ZOOM_WITH_CASINGS:
        road = np.isin(classes, ROADS)
        ids[near(road, 1.0) & ~road] = CLASS_ID["road casing"]
    picture: np.ndarray = palette()[ids]
    return picture
