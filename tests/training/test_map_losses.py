"""What teaches a VAE to keep maps."""

from __future__ import annotations

import torch

from c2gm.legend import CLASS_ID
from c2gm.training.map_losses import legend_colours, map_autoencoder_loss

STREET, CASING = CLASS_ID["street"], CLASS_ID["road casing"]


def plain(class_id: int) -> torch.Tensor:
    """A picture [1,3,8,8] of one legend colour."""
    return (
        legend_colours(CASING + 1, torch.device("cpu"))[class_id]
        .view(1, 3, 1, 1)
        .expand(1, 3, 8, 8)
    )


def loss_of(drawn: int, shown: int, class_id: int) -> float:
    """Loss of a picture in the colour of `drawn` where the map has the colour of `shown`."""
    classes = torch.full((1, 8, 8), class_id)
    latent = torch.zeros(1, 4, 1, 1)
    return float(map_autoencoder_loss(plain(drawn), plain(shown), classes, latent, latent, 1.0))


def test_a_casing_is_drawn_as_a_casing_though_it_belongs_to_a_street() -> None:
    assert loss_of(CASING, CASING, STREET) < 1e-3
    assert loss_of(STREET, CASING, STREET) > 0.1


def test_another_legend_colour_costs_more_than_its_distance_alone() -> None:
    park, wood = CLASS_ID["park"], CLASS_ID["wood"]
    assert loss_of(park, park, park) < 1e-3
    assert loss_of(wood, park, park) > 2 * loss_of(wood, park, STREET)
