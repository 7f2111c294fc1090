"""The bundled c2gm-mini with a witness: what goes in, what comes out, how often and how much."""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from imaginary import imagery_of

from c2gm.cascade.settings import GenerateSettings
from c2gm.grid import TileRange
from c2gm.models.devices import choose_dtype
from c2gm.models.sgdm import SGDM
from c2gm.models.sgdm_map_model import SGDMMapModel

# Six tiles at zoom 16, 24 at zoom 17, and as many windows.
GROUND = TileRange(16, 34000, 22400, 34002, 22401)
DOUBLE = TileRange(17, 68000, 44800, 68005, 44803)
SETTINGS = GenerateSettings(zooms=(16, 17))
CPU = torch.device("cpu")


def ground_imagery() -> Any:
    return imagery_of(GROUND)


@dataclass
class Call:
    """One batch that the painter gave to the model."""

    imagery: np.ndarray
    reference: np.ndarray | None
    noise: dict[int, np.ndarray] = field(default_factory=dict)
    pictures: np.ndarray | None = None
    probabilities: np.ndarray | None = None


class WatchedMini:
    """c2gm-mini as a `MapModel`, as commands run it here by default, that writes down its calls.

    `runs` counts the batches that each of its networks has run, by (network, windows). `most_alive`
    is the largest number of batches of which features or latents were kept at the same time.
    """

    def __init__(self) -> None:
        self.inner = SGDMMapModel(SGDM.load("mini", dtype=choose_dtype("auto", CPU)))
        self.batch, self.identity = self.inner.batch, self.inner.identity
        self.latent_channels = self.inner.latent_channels
        self.reads_classes = self.inner.reads_classes
        self.calls: list[Call] = []
        self.runs: Counter[tuple[str, int]] = Counter()
        self.most_alive = 0
        self._made: list[weakref.ref[Any]] = []
        # MFEncoder by its first layer: it is read, not called.
        first = {"mf_encoder": "mf_encoder.first_layer_source"}
        for name in ("mf_encoder", "sf_adapter", "unet", "text"):
            network = self.inner.model.get_submodule(first.get(name, name))
            network.register_forward_hook(
                lambda module, given, made, name=name: self.runs.update([(name, len(given[0]))])
            )

    def embed(self, text: str) -> Any:
        return self.inner.embed(text)

    def features(
        self,
        imagery: np.ndarray,
        reference: np.ndarray | None,
        zoom: int | None = None,
        look: int | None = None,
        probabilities: np.ndarray | None = None,
        **more: Any,
    ) -> Any:
        self.calls.append(Call(imagery, reference, probabilities=probabilities))
        given = (imagery, reference, zoom, look, probabilities)
        return self._watch(self.inner.features(*given, **more))

    def read_classes(
        self,
        imagery: np.ndarray,
        reference: np.ndarray | None,
        zoom: int | None = None,
        look: int | None = None,
        **more: Any,
    ) -> np.ndarray:
        self.runs.update([("corners", len(imagery))])
        return self.inner.read_classes(imagery, reference, zoom, look, **more)

    def sample(self, noise: Any, features: Any, text: Any) -> Any:
        def cut(k: int) -> np.ndarray:
            drawn: np.ndarray = noise(k)
            self.calls[-1].noise[k] = drawn
            return drawn

        return self._watch(self.inner.sample(cut, features, text))

    def decode(self, latent: Any) -> np.ndarray:
        self.runs.update([("decoder", len(latent))])
        pictures = self.inner.decode(latent)
        self.calls[-1].pictures = pictures
        return pictures

    def _watch(self, made: Any) -> Any:
        self._made.append(weakref.ref(made))
        alive = (reference() for reference in self._made)
        kinds = Counter(type(thing) for thing in alive if thing is not None)
        self.most_alive = max(self.most_alive, *kinds.values())
        return made
