"""Which optimiser trains which weight: Muon the inner matrices and convolutions, AdamW the rest.

Measured on MFEncoder at equal processor time (docs/training-log.md): after three minutes it reads
far better than with AdamW alone, though each step costs a quarter more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

OptimizerName = Literal["muon", "adamw"]

MUON_RATE = 1.5  # of the run's rate
ORTHOGONAL_STEPS = 3  # of Newton-Schulz; five cost more and gain nothing here
# Rows of layers that touch pixels, latents, classes or tokens have a meaning of their own.
_OUTER = re.compile(
    r"first_layer_|class_head\.2|fine_head\.outward|embedding|unet\.(conv_in|conv_out)|"
    r"(encoder|decoder)\.(conv_in|conv_out)|quant_conv|no_reference"
)


def is_inner(name: str, weight: Tensor) -> bool:
    """Whether a weight is a matrix or a convolution between hidden layers."""
    return weight.ndim >= 2 and len(weight) > 1 and _OUTER.search(name) is None


def _matrix(values: Tensor, weight: Tensor) -> Tensor:
    """Values of a weight as [rows, the rest], the rest in the weight's order in memory."""
    if weight.ndim == 4 and not weight.is_contiguous():  # channels last
        values = values.permute(0, 2, 3, 1)
    return values.reshape(len(weight), -1)


class ConvMuon(torch.optim.Muon):
    """torch's Muon, which takes matrices alone, on convolutions as [out, in x height x width].

    Its parameters are matrix views that share memory with the weights.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], weight_decay: float) -> None:
        self.weights: list[nn.Parameter] = []
        views = []
        for group in groups:
            self.weights += group["params"]
            views.append({**group, "params": [_matrix(w.data, w) for w in group["params"]]})
        super().__init__(views, weight_decay=weight_decay, ns_steps=ORTHOGONAL_STEPS)

    def step(self, closure: Any = None) -> Any:
        """One step with the weights' gradients."""
        views = (view for group in self.param_groups for view in group["params"])
        for view, weight in zip(views, self.weights, strict=True):
            view.grad = None if weight.grad is None else _matrix(weight.grad, weight)
        return super().step(closure)  # type: ignore[no-untyped-call]


class MuonAdamW(torch.optim.AdamW):
    """Muon and AdamW as one optimiser, whose parameter groups are those of AdamW.

    Args:
        groups: `params`, and `scale`, their share of the run's rate.
        names: Name in the model by id of the parameter.
        rate: The run's rate. Muon follows the rate of the first group, by the groups' scales.
        betas, weight_decay: Of AdamW; the decay is Muon's too.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        names: dict[int, str],
        rate: float,
        betas: tuple[float, float],
        weight_decay: float,
    ) -> None:
        outer: list[dict[str, Any]] = []
        inner: list[dict[str, Any]] = []
        for group in groups:
            weights = list(group["params"])
            matrices = [is_inner(names[id(weight)], weight) for weight in weights]
            for chosen, wanted in ((outer, False), (inner, True)):
                part = [w for w, matrix in zip(weights, matrices, strict=True) if matrix == wanted]
                if part:
                    chosen.append({**group, "params": part})
        super().__init__(outer, lr=rate, betas=betas, weight_decay=weight_decay, fused=True)
        self._muon = ConvMuon(inner, weight_decay)

    def step(self, closure: Any = None) -> Any:
        """One step of both; none where `found_inf` is set, as in AdamW's own kernel."""
        first = self.param_groups[0]
        for group in self._muon.param_groups:
            group["lr"] = first["lr"] / first["scale"] * group["scale"] * MUON_RATE
        found_inf = getattr(self, "found_inf", None)
        if found_inf is None or not bool(found_inf):
            self._muon.step()
        return super().step(closure)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of both."""
        super().zero_grad(set_to_none)
        for weight in self._muon.weights:
            weight.grad = None

    def state_dict(self) -> dict[str, Any]:
        """AdamW's, and Muon's under "muon"."""
        return {**super().state_dict(), "muon": self._muon.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up a state of `state_dict`."""
        rest = dict(state_dict)
        self._muon.load_state_dict(rest.pop("muon"))
        super().load_state_dict(rest)
