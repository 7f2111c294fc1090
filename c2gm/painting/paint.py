"""Paint windows: one whole, ordinary run of the model for each, in batches of one fixed shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..map_scale import zoom_of_text
from .corners import CornerReadings
from .geometry import Geometry
from .map_model import MapModel
from .window_inputs import WindowInputs
from .world_noise import WorldNoise


class Painter:
    """Paints the windows of one stage.

    Every call of the model has exactly `model.batch` windows; a short batch is padded by repeating
    its last window. Batches of other shapes would be computed by other kernels, and the last bits
    of a picture would depend on how many windows were asked for.

    Args:
        model: The network.
        noise: The world noise field of the job.
        geometry: How windows lie.
        text: The scale text of the stage; embedded once, when the first batch is painted.
        trusts: Whether references are a map that was given, not one that a model drew.
    """

    def __init__(
        self,
        model: MapModel,
        *,
        noise: WorldNoise,
        geometry: Geometry,
        text: str,
        trusts: bool = False,
    ) -> None:
        self.model = model
        self.noise = noise
        self.geometry = geometry
        self.text = text
        self._look = zoom_of_text(text)
        self._trusts = trusts
        self._corners = CornerReadings(model, self._look, trusts=trusts)
        self._embedding: Any = None
        self._embedded = False

    def __call__(self, batch: Sequence[WindowInputs]) -> np.ndarray:
        """Pictures of up to `model.batch` windows, uint8 [n,H,W,3] in their order.

        Raises:
            ConfigError: the model answered with another shape or type.
        """
        if not self._embedded:
            self._embedding, self._embedded = self.model.embed(self.text), True
        padded = [*batch, *[batch[-1]] * (self.model.batch - len(batch))]
        imagery = np.stack([inputs.imagery for inputs in padded])
        references = [inputs.reference for inputs in padded if inputs.reference is not None]
        features = self.model.features(
            imagery,
            np.stack(references) if references else None,
            batch[0].window.z,
            self._look,
            self._corners.of_batch(padded) if padded[0].corners else None,
            trusts=self._trusts,
        )

        def cut_noise(k: int) -> np.ndarray:
            cuts = [
                self.noise.window(inputs.window, k, geometry=self.geometry) for inputs in padded
            ]
            return np.stack(cuts)

        latent = self.model.sample(cut_noise, features, self._embedding)
        pictures = self.model.decode(latent)
        size = self.geometry.window_size
        if pictures.shape != (self.model.batch, size, size, 3) or pictures.dtype != np.uint8:
            raise ConfigError(
                f"The model painted {pictures.dtype} {list(pictures.shape)} where windows are "
                f"uint8 {[self.model.batch, size, size, 3]}. Use a VAE that divides by 8."
            )
        return pictures[: len(batch)]
