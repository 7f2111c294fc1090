from dataclasses import astuple

import numpy as np
import pytest
import shapely

from c2gm.cartography.map_objects import MapObjects
from c2gm.errors import ImageryError
from c2gm.grid import HALF_WORLD, PixelBox, mercator_resolution
from c2gm.worlds.look_statistics import NAMES, look_statistics
from c2gm.worlds.osm_ground import PaintedGround
from c2gm.worlds.osm_parts import Look

BOUNDS = (10.0, 46.99, 10.03, 47.01)
# Means of real tiles at zoom 17 (Dubai, Châteaugiron, Kvarnbyn, Maryland, Banepa, Eugene) lie
# within these bounds, measured with look_statistics on 220 tiles.
REAL_BOUNDS = {
    "red": (60, 190),
    "green": (62, 190),
    "blue": (58, 195),
    "spread": (24, 62),
    "saturation": (0.07, 0.27),
    "slope": (-3.6, -1.8),
    "steps": (5, 28),
}


def corner_of_four_scenes() -> tuple[float, float]:
    """A corner of zoom-14 tiles inside the bounds, metres of EPSG:3857."""
    side = 256 * mercator_resolution(14)
    x = round((BOUNDS[0] + 0.015) / 360 * 2 * HALF_WORLD / side) * side
    y = round(5942074.0 / side) * side
    return x, y


def objects_round(x: float, y: float) -> MapObjects:
    """A small town on a crossroads with a wood, a pond, a field, a meadow and a car park."""
    houses = [
        shapely.box(x + i, y + j, x + i + 16, y + j + 12)
        for i in range(-400, 400, 60)
        for j in (-60, 34, -130, 110)
        if abs(i) > 30
    ]
    angle = shapely.Polygon([(0, 0), (40, 0), (40, 14), (14, 14), (14, 40), (0, 40)])
    houses.append(shapely.transform(angle, lambda points: points + (x + 60, y + 190)))
    return MapObjects(
        areas={
            "building": np.array(houses, dtype=object),
            "built_up": np.array([shapely.box(x - 450, y - 160, x + 450, y + 160)]),
            "wood": np.array([shapely.box(x - 900, y + 300, x + 200, y + 700)]),
            "water": np.array([shapely.Point(x + 500, y + 400).buffer(120)]),
            "farmland": np.array([shapely.box(x - 800, y - 700, x + 100, y - 250)]),
            "park": np.array([shapely.box(x + 150, y - 700, x + 800, y - 250)]),
            "sand": np.array([shapely.box(x + 20, y + 20, x + 90, y + 70)]),
        },
        lines={
            "main_road": np.array([shapely.LineString([(x - 1500, y), (x + 1500, y + 1)])]),
            "street": np.array([shapely.LineString([(x, y - 900), (x + 2, y + 900)])]),
            "stream": np.array([shapely.LineString([(x + 500, y + 400), (x + 700, y - 900)])]),
        },
        trees=np.array([[x + 300.0, y + 200.0]]),
    )


def ground(climate: str = "temperate", seed: int = 3) -> PaintedGround:
    return PaintedGround(
        objects_round(*corner_of_four_scenes()),
        BOUNDS,
        Look(climate, seed),
        name="test",
        attribution="nobody",
    )


def box_round_corner(zoom: int, *, half: int, right: int = 0, down: int = 0) -> PixelBox:
    x, y = corner_of_four_scenes()
    resolution = mercator_resolution(zoom)
    column = round((x + HALF_WORLD) / resolution) + right
    row = round((HALF_WORLD - y) / resolution) + down
    return PixelBox(zoom, column - half, row - half, column + half, row + half)


@pytest.fixture(scope="module")
def painted() -> PaintedGround:
    return ground()


@pytest.mark.parametrize("zoom", [15, 16, 17, 18])
def test_a_crop_across_scenes_equals_the_smaller_read(painted: PaintedGround, zoom: int) -> None:
    larger = painted.read(box_round_corner(zoom, half=72))[0]
    smaller = painted.read(box_round_corner(zoom, half=41))[0]
    assert np.array_equal(larger[31:-31, 31:-31], smaller)


def test_no_seam_shows_where_scenes_meet(painted: PaintedGround) -> None:
    picture = painted.read(box_round_corner(17, half=200))[0].astype(float)
    steps = np.abs(np.diff(picture, axis=1)).mean((0, 2))
    nearby = np.r_[steps[150:196], steps[203:250]]
    assert steps[199] < nearby.mean() + 4 * nearby.std()


def test_the_same_look_gives_the_same_picture_and_another_seed_another(
    painted: PaintedGround,
) -> None:
    box = box_round_corner(16, half=40)
    again, other = ground().read(box)[0], ground(seed=4).read(box)[0]
    assert np.array_equal(painted.read(box)[0], again)
    assert not np.array_equal(again, other)
    assert ground().fingerprint == painted.fingerprint != ground(seed=4).fingerprint


def test_what_is_mapped_is_where_the_map_has_it(painted: PaintedGround) -> None:
    box = box_round_corner(17, half=400)
    picture = painted.read(box)[0].astype(float)
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]

    def at(east: float, north: float) -> tuple[slice, slice]:
        column, row = (int(400 + metres / mercator_resolution(17)) for metres in (east, -north))
        return slice(row - 12, row + 12), slice(column - 12, column + 12)

    water, wood = at(480, 400), at(-250, 420)
    assert picture[water].std() < 12 < picture[wood].std()
    assert (green[wood] > red[wood]).mean() > 0.6
    strip = picture[396:404, 100:180]
    assert (strip.max(-1) - strip.min(-1)).mean() < 30  # asphalt is grey
    greenness = green - (red + blue) / 2
    assert greenness[396:404, 100:180].mean() + 5 < greenness[wood].mean()
    assert blue[water].mean() < 140


@pytest.mark.parametrize("climate", ["temperate", "dry", "desert"])
def test_painted_pictures_stay_within_the_spread_of_real_ones(climate: str) -> None:
    looks = [ground(climate, seed).read(box_round_corner(17, half=128))[0] for seed in (1, 2, 3)]
    mean = dict(zip(NAMES, np.mean([astuple(look_statistics(p)) for p in looks], 0), strict=True))
    for name, (low, high) in REAL_BOUNDS.items():
        assert low < mean[name] < high, name


def test_the_map_gets_the_trees_that_were_painted(painted: PaintedGround) -> None:
    objects = painted.mapped_objects()
    x, y = corner_of_four_scenes()
    assert len(objects.trees) > 20
    wood = shapely.box(x - 900, y + 300, x + 200, y + 700)
    assert not shapely.contains_xy(wood.buffer(-1), *objects.trees.T).any()
    assert set(objects.areas) == set(objects_round(x, y).areas)


def test_ground_outside_the_bounds_is_invalid(painted: PaintedGround) -> None:
    resolution = mercator_resolution(16)
    column = round((BOUNDS[0] / 180 + 1) * HALF_WORLD / resolution)
    row = box_round_corner(16, half=1).top
    rgb, valid = painted.read(PixelBox(16, column - 30, row, column + 30, row + 20))
    assert not valid[:, :29].any() and valid[:, 31:].all()
    assert not rgb[:, :29].any()


def test_a_zoom_without_picture_is_refused(painted: PaintedGround) -> None:
    with pytest.raises(ImageryError, match="no picture at zoom 13"):
        painted.read(PixelBox(13, 0, 0, 32, 32))
