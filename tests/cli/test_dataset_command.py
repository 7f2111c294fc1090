"""`c2gm dataset`, run as users run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mercantile
import numpy as np
import pytest
import rasterio
from box_raster import write_raster

from c2gm.cartography.render import MapDrawing
from c2gm.cartography.vectors import read_vectors
from c2gm.grid import PixelBox

Run = Callable[..., Any]
BOX = PixelBox(17, 68000 * 256, 45000 * 256, 68004 * 256, 45004 * 256)


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """A folder with `map.tif`, which shows the roads and houses of `map.geojson`."""
    left, bottom, right, top = BOX.mercator_bounds()
    west, south = mercantile.lnglat(left, bottom)
    east, north = mercantile.lnglat(right, top)
    rng = np.random.default_rng(1)
    features: list[dict[str, Any]] = [
        _feature("LineString", [[x, south], [x, north]], highway="residential")
        for x in np.linspace(west, east, 9)
    ]
    features += [
        _feature("LineString", [[west, y], [east, y]], highway="secondary")
        for y in np.linspace(south, north, 5)
    ]
    for x, y in rng.uniform((west, south), (east - 4e-4, north - 3e-4), (60, 2)):
        ring = [[x, y], [x + 4e-4, y], [x + 4e-4, y + 3e-4], [x, y + 3e-4], [x, y]]
        features.append(_feature("Polygon", [ring], building="yes"))
    path = tmp_path / "map.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    classes = MapDrawing(read_vectors(path), 17).classes(BOX)
    pixels = rng.integers(40, 200, (14, 3))[classes] + rng.integers(-9, 10, (*classes.shape, 3))
    write_raster(tmp_path / "map.tif", BOX, pixels.astype(np.uint8))
    return tmp_path


def _feature(kind: str, coordinates: list[Any], **tags: str) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "properties": tags, "geometry": geometry}


def build(c2gm: Run, county: Path, *more: object) -> Any:
    return c2gm(
        *("dataset", "build", county / "map.tif", county / "map.geojson"),
        *("--out", county / "set", "--zooms", "16-17", "--shares", "1,0,0"),
        *more,
    )


def test_from_imagery_and_vectors_to_training_records(c2gm: Run, county: Path) -> None:
    built = build(c2gm, county, "--json")
    assert built.status == 0 and built.err == ""
    assert json.loads(built.out)["tiles"] == {"train": {"16": 4, "17": 16}}
    checked = c2gm("dataset", "check", county / "set", "--json")
    assert checked.status == 0
    assert json.loads(checked.out)["parts"]["train"]["sound"] is True
    packed = c2gm("dataset", "pack", county / "set", "--out", county / "records")
    assert packed.status == 0 and "train: 20 records" in packed.out
    assert (county / "records" / "train" / "set-0000" / "imagery.npy").exists()
    drawn = c2gm("render", county / "map.geojson", "--out", county / "drawn.mbtiles")
    assert drawn.status == 0
    packed = c2gm(
        *("dataset", "pack", county / "set", "--out", county / "records"),
        *("--own-map", county / "drawn.mbtiles"),
    )
    assert packed.status == 0 and "train: 20 records" in packed.out
    assert (county / "records" / "train" / "set-own-0000" / "imagery.npy").exists()


def test_a_shift_above_the_limit_is_a_fault(c2gm: Run, county: Path) -> None:
    with rasterio.open(county / "map.tif") as source:
        pixels = np.moveaxis(source.read(), 0, -1)
    write_raster(county / "map.tif", BOX, np.roll(pixels, (5, 0), (0, 1)))
    assert build(c2gm, county).status == 0
    checked = c2gm("dataset", "check", county / "set", "--limit", "2")
    assert checked.status == 3
    assert "above the limit of 2 px" in checked.out and "down of its map" in checked.out
    assert c2gm("dataset", "check", county / "set", "--limit", "6").status == 0


def test_imagery_of_another_place_is_a_fault(c2gm: Run, county: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (BOX.height, BOX.width, 3), dtype=np.uint8)
    write_raster(county / "map.tif", BOX, noise)
    build(c2gm, county)
    checked = c2gm("dataset", "check", county / "set")
    assert checked.status == 3 and "do not fit anywhere" in checked.out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--shares", "0.5,0.5"), "are not three shares"),
        (("--shares", "0.5,0.1,0.1"), "must sum to 1"),
        (("--references", "3"), "are no cascade factors"),
        (("--zooms", "high"), "are no zooms"),
    ],
)
def test_impossible_options_are_wrong_use(
    c2gm: Run, county: Path, options: tuple[str, ...], sentence: str
) -> None:
    ended = build(c2gm, county, *options)
    assert ended.status == 2 and sentence in " ".join(ended.err.split())
    assert not (county / "set").exists()


def test_imagery_and_vectors_of_two_places_are_refused(c2gm: Run, county: Path) -> None:
    ended = build(c2gm, county, "--bbox", "1,1,1.1,1.1")
    assert ended.status == 1 and "no ground in common" in ended.err


def test_an_outline_keeps_tiles_inside(c2gm: Run, county: Path) -> None:
    left, bottom, right, top = BOX.mercator_bounds()
    width = (right - left) / 4
    ring = [
        mercantile.lnglat(x, y)
        for x, y in (
            (left - 1, bottom - 1),
            (left + 2 * width + 1, bottom - 1),
            (left + 2 * width + 1, top + 1),
            (left - 1, top + 1),
            (left - 1, bottom - 1),
        )
    ]
    outline = _feature("Polygon", [[list(point) for point in ring]])
    path = county / "border.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [outline]}))
    built = build(c2gm, county, "--within", path, "--json")
    assert json.loads(built.out)["tiles"] == {"train": {"16": 2, "17": 8}}


@pytest.mark.parametrize("command", ["build", "check", "pack"])
def test_every_command_of_the_group_has_help_with_an_example(c2gm: Run, command: str) -> None:
    ended = c2gm("dataset", command, "--help")
    assert ended.status == 0
    assert f"c2gm dataset {command} " in ended.out.partition("Example")[2]
