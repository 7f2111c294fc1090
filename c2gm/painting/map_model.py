"""The one seam between the painter and the network.

The library implements it with SGDM and a diffusers scheduler, the ComfyUI nodes with ComfyUI's
MODEL, CLIP and VAE, the tests with flat colours. Everything that crosses it is numpy, so that
painting and cascade need no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

StepNoise = Callable[[int], np.ndarray]
"""k -> noise float32 [B,C,40,40] cut from the world field; k = 0 is the initial noise, k >= 1 that
of the k-th step of a stochastic sampler."""


class ModelProfile(Protocol):
    """What is known of a network, wherever it runs."""

    @property
    def batch(self) -> int:
        """Windows a call; every call has exactly this many (short ones are padded)."""
        ...

    @property
    def latent_channels(self) -> int:
        """Channels of the latent, 4."""
        ...

    @property
    def identity(self) -> dict[str, Any]:
        """What decides its output, by name: model hash, sampler, steps, guidance, dtype, device,
        torch version, threads. Part of the job key, so values are JSON.
        """
        ...


class MapModel(ModelProfile, Protocol):
    """A network that draws the map of a window."""

    @property
    def reads_classes(self) -> bool:
        """Whether it reads the legend's classes before it draws."""
        ...

    def embed(self, text: str) -> Any:
        """Embedding of a scale text; asked once a zoom."""
        ...

    def features(
        self,
        imagery: np.ndarray,
        reference: np.ndarray | None,
        zoom: int | None = None,
        look: int | None = None,
        probabilities: np.ndarray | None = None,
        *,
        trusts: bool = False,
    ) -> Any:
        """SFAdapter features of a batch of windows; asked once a window.

        Args:
            imagery: uint8 [B,H,W,3], invalid pixels mid-grey 127.
            reference: uint8 [B,H,W,3], or None where the stage has no reference.
            zoom: of the grid that the windows lie on; None where nobody knows it.
            look: the zoom that the scale text names, so that what is read agrees with it; None
                where it names none.
            probabilities: of the legend's classes, float32 [B,classes,H,W], that a model that reads
                classes shall draw from; None lets it read these windows alone.
            trusts: whether the reference is a map that was given, to be believed more than one that
                a model drew.
        """
        ...

    def read_classes(
        self,
        imagery: np.ndarray,
        reference: np.ndarray | None,
        zoom: int | None = None,
        look: int | None = None,
        *,
        trusts: bool = False,
    ) -> np.ndarray:
        """Probabilities of the legend's classes in 255ths, uint8 [B,classes,H,W]; asked of models
        that read classes, once a corner of tiles, in batches of another size. Arguments of
        `features`.
        """
        ...

    def sample(self, noise: StepNoise, features: Any, text: Any) -> Any:
        """The latent [B,C,H/8,W/8] that the sampler ends with; stays in the model's own form."""
        ...

    def decode(self, latent: Any) -> np.ndarray:
        """Window pictures, uint8 [B,H,W,3]."""
        ...
