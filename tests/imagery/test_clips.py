"""Real imagery, from the clips in tests/data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from c2gm.grid import PixelBox, tiles_in_bounds
from c2gm.imagery.open import open_imagery

DATA = Path(__file__).parents[1] / "data"


def test_dubai_agrees_from_zoom_to_zoom() -> None:
    imagery = open_imagery(DATA / "dubai.tif")
    assert imagery.native_zoom == 17
    assert "Humans in the Loop" in imagery.attribution
    box = tiles_in_bounds(imagery.bounds, 15).box
    for zoom in (15, 16):
        shift = zoom - 15
        parent = PixelBox(
            zoom, *(edge << shift for edge in (box.left, box.top, box.right, box.bottom))
        )
        rgb, valid = imagery.read(parent)
        children, child_valid = imagery.read(
            PixelBox(zoom + 1, 2 * parent.left, 2 * parent.top, 2 * parent.right, 2 * parent.bottom)
        )
        quads = (parent.height, 2, parent.width, 2)
        whole = child_valid.reshape(quads).all(axis=(1, 3)) & valid
        difference = np.abs(rgb - children.reshape(*quads, 3).mean(axis=(1, 3)))[whole]
        assert whole.sum() > 10_000
        assert difference.max() <= 2
        assert difference.mean() < 0.5


def test_naip_is_read_without_its_infrared_and_its_frame() -> None:
    path = DATA / "naip.tif"
    imagery = open_imagery(path)
    assert imagery.native_zoom == 14
    rgb, valid = imagery.read(tiles_in_bounds(imagery.bounds, 14).box)
    with rasterio.open(path) as dataset:
        bands = dataset.read()
    assert np.abs(rgb[valid].mean(axis=0) - bands[:3].mean(axis=(1, 2))).max() < 1
    assert not valid.all()
    assert not rgb[~valid].any()
