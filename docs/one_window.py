"""One window of a map, from an aerial picture to pixels, in the order of the work.

    python docs/one_window.py [PICTURE.png]

A window is what the network paints at once: a tile of the web map grid, 256 px wide, and 32 px on
each side. Here one of zoom 16 is painted from imagery alone, and then one of zoom 18 in its middle,
for which the first is the reference. That is the cascade; everything else in c2gm is about many
windows at once: where they lie (grid.py), how they join without seams (painting/), in which order
they are painted and kept (cascade/), and what they become (tilesets/).

The five steps of a window:
  1. imagery and reference become features, which say what is where: MFEncoder, SFAdapter;
  2. the scale text says how a map of this zoom generalises: the text tower;
  3. what was read is encoded, and covered half with noise that is cut from a field over the world,
     so that neighbours begin alike;
  4. two steps turn that into the latent of a map, the features steering each: the U-Net;
  5. the latent becomes pixels: the VAE.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from PIL import Image

from c2gm.grid import Window
from c2gm.map_scale import map_scale, scale_text
from c2gm.models.sgdm import SGDM
from c2gm.painting.world_noise import WorldNoise
from c2gm.references import enlarge_reference, parent_box
from c2gm.worlds.town import Town

STEPS = 2
DENOISE = 0.5  # the steps lie in the lower half of the schedule
SEED = 1
CASCADE_FACTOR = 4  # zoom 18 is drawn from zoom 16, whose pixels are four times as large


def main(picture: str) -> None:
    """Paint the two windows of a made-up town and put them beside their imagery."""
    town, model = Town(SEED), SGDM.load("mini")
    coarse, fine = windows_of(town)

    seen = town.imagery(coarse.box)
    drawn = paint_window(model, coarse, seen)  # the first stage has no reference

    seen_near = town.imagery(fine.box)
    drawn_near = paint_window(model, fine, seen_near, cut_reference(drawn, coarse, fine))

    rows = [np.hstack([seen, drawn]), np.hstack([seen_near, drawn_near])]
    Image.fromarray(np.vstack(rows)).save(picture)


def windows_of(town: Town) -> tuple[Window, Window]:
    """A window of zoom 16 in the town, and one of zoom 18 in its middle.

    The grid counts tiles to the east and to the south; a tile of zoom 14 is 4 x 4 of zoom 16.
    """
    coarse = Window(4 * town.tile.x + 1, 4 * town.tile.y + 1, 16)
    return coarse, Window(4 * coarse.x + 2, 4 * coarse.y + 2, 18)


def cut_reference(drawn: np.ndarray, coarse: Window, fine: Window) -> np.ndarray:
    """The part of the coarse map that lies under the fine window, four times as large.

    `parent_box` gives it in pixels of the world at zoom 16, with a margin for the enlargement. A
    whole map is enlarged on the world's pixels in this way, so that neighbours' references agree.
    """
    box = parent_box(fine.box, CASCADE_FACTOR)
    rows = slice(box.top - coarse.box.top, box.bottom - coarse.box.top)
    columns = slice(box.left - coarse.box.left, box.right - coarse.box.left)
    return enlarge_reference(drawn[rows, columns], CASCADE_FACTOR)


@torch.inference_mode()
def paint_window(
    model: SGDM, window: Window, imagery: np.ndarray, reference: np.ndarray | None = None
) -> np.ndarray:
    """Paint one window: uint8 [320,320,3] from uint8 [320,320,3], with or without a reference."""
    # 1. Once a window. A missing reference is a case that the model has learnt, not a black one.
    #    The class head is told on which grid it reads and which zoom's look the text asks for:
    #    maps above zoom 16 show no built-up areas.
    features = model.features(
        pixels(imagery),
        None if reference is None else pixels(reference),
        how=model.config.how_to_read(window.z, window.z),
    )

    # 2. Once a zoom: "geographical map tile, tile zoom level 18, reference zoom level 16, ..."
    factor = None if reference is None else CASCADE_FACTOR
    text = model.embed([scale_text(map_scale(window.z), factor)])

    # 3. A latent is 8 px: a window has 40 x 40 of them, with 4 channels. Another window that
    #    overlaps this one is cut from the same field and starts with the same noise there. With
    #    DENOISE 1 it would be noise alone, and the reading would steer only as a feature.
    products = signal_shares(model)
    whole = round(STEPS / DENOISE)
    timesteps = [round(1000 * (whole - step) / whole) - 1 for step in range(whole)][-STEPS:]
    noise = torch.from_numpy(WorldNoise(SEED).window(window))[None]
    read, product = model.reading_latent(features), products[timesteps[0]]
    latent = product.sqrt() * read + (1 - product).sqrt() * noise

    # 4. DDIM, from half the noise (timestep 499) down to none:
    #      product    the schedule's abar: the share of the map in a noisy latent, by variance
    #      clean      x0, the model's guess of the finished latent; c2gm-mini predicts it directly
    #      noise      eps, what must then have been added to it
    #    Each step goes to the latent that the same guess and noise give at the next timestep.
    for timestep, following in zip(timesteps, [*timesteps[1:], None], strict=True):
        product = products[timestep]
        next_product = torch.tensor(1.0) if following is None else products[following]
        clean = model.predict(latent, torch.tensor(timestep), text, features)
        noise = (latent - product.sqrt() * clean) / (1 - product).sqrt()
        latent = next_product.sqrt() * clean + (1 - next_product).sqrt() * noise

    # 5. The VAE of c2gm-mini knows nothing but maps, so flat colours stay flat.
    picture = (model.decode(latent)[0].permute(1, 2, 0) + 1) * 127.5
    return picture.round().clamp(0, 255).to(torch.uint8).numpy()


def pixels(picture: np.ndarray) -> torch.Tensor:
    """uint8 [H,W,3], 0 to 255, as float [1,3,H,W], -1 to 1."""
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1


def signal_shares(model: SGDM) -> torch.Tensor:
    """The abar of every timestep, [1000]; its betas are squares of evenly spaced numbers."""
    schedule = model.config.schedule
    first, last = schedule.beta_start**0.5, schedule.beta_end**0.5
    betas = torch.linspace(first, last, schedule.timesteps, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, dim=0).float()


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["one-window.png"])
