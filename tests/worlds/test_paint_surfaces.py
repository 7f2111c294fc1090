import numpy as np
import pytest
import shapely

from c2gm.grid import PixelBox
from c2gm.worlds.canopy import MARGIN, lit_side, ruffled
from c2gm.worlds.crowns import crown_groups
from c2gm.worlds.materials import MATERIALS, TABLE, code, lined_code, lines_of
from c2gm.worlds.noise import COARSE, PixelGrid, WorldNoise, coarse_span, enlarged
from c2gm.worlds.palette import palette
from c2gm.worlds.road_layers import road_layers
from c2gm.worlds.slopes import sunlit_heights, sunlit_mountains
from c2gm.worlds.traffic import bays

SEED = 4
SOUTH_WEST = np.array([-0.6, -0.8])


def grid(columns: np.ndarray, rows: np.ndarray) -> PixelGrid:
    return PixelGrid((columns + 0.5) * 1.2, -(rows + 0.5) * 1.2, 1.2)


def test_codes_of_lines_give_back_heading_spacing_and_strength() -> None:
    codes = np.zeros((2, 3, 3), dtype=np.uint8)
    codes[0] = code("sand")
    codes[1] = lined_code("crop", np.radians(137), 2.5, 0.9)
    ((_, _, heading, spacing, strength),) = lines_of(codes)
    assert np.degrees(heading) == pytest.approx(137, abs=1)
    assert spacing == pytest.approx(2.5, abs=0.1) and strength > 0.7
    assert not lines_of(codes[:1])


def test_every_material_has_a_code_of_its_own() -> None:
    numbers = [code(name)[0] for name in MATERIALS]
    assert sorted(numbers) == list(range(len(TABLE)))
    assert TABLE[code("meadow")[0], 4] > TABLE[code("paving")[0], 4]


@pytest.mark.parametrize(("left", "top"), [(1000, 2000), (-37, -6), (3, 129)])
def test_coarse_noise_is_the_same_in_any_box_and_near_the_fine_one(left: int, top: int) -> None:
    noise = WorldNoise(SEED)

    def waves(box: PixelBox) -> np.ndarray:
        coarse = grid(coarse_span(box.left, box.right), coarse_span(box.top, box.bottom))
        return enlarged(noise.octave(coarse, period=30.0, salt=2), box)

    box = PixelBox(17, left, top, left + 50, top + 40)
    part = waves(PixelBox(17, left + 11, top + 7, left + 45, top + 30))
    assert np.array_equal(waves(box)[7:30, 11:45], part)
    fine = noise.octave(
        grid(np.arange(left, left + 50), np.arange(top, top + 40)), period=30.0, salt=2
    )
    assert np.abs(waves(box) - fine).max() < 0.25 and COARSE > 1


def test_slopes_towards_the_sun_are_light_and_others_dark() -> None:
    pixels = grid(np.arange(60), np.arange(50))
    towards = np.array([0.0, -1.0])
    to_south = sunlit_heights(lambda x, y: 0.1 * y, pixels, towards, 1.5)
    to_north = sunlit_heights(lambda x, y: -0.1 * y, pixels, towards, 1.5)
    assert np.allclose(to_south, 0.15, atol=1e-3) and np.allclose(to_north, -0.15, atol=1e-3)


def test_light_of_a_hill_is_the_same_in_any_box() -> None:
    def hill(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 20 * np.sin(x / 60) * np.cos(y / 45)

    whole = sunlit_heights(hill, grid(np.arange(90), np.arange(80)), SOUTH_WEST, 1.0)
    part = sunlit_heights(hill, grid(np.arange(31, 70), np.arange(20, 66)), SOUTH_WEST, 1.0)
    assert np.allclose(whole[20:66, 31:70], part, atol=1e-6) and whole.std() > 0.05


def test_mountains_have_light_and_dark_sides() -> None:
    pixels = grid(np.arange(0, 1500, 5), np.arange(0, 1500, 5))
    light = sunlit_mountains(WorldNoise(SEED), pixels, SOUTH_WEST)
    assert (light > 0.08).mean() > 0.1 and (light < -0.08).mean() > 0.1
    assert np.allclose(light, -sunlit_mountains(WorldNoise(SEED), pixels, -SOUTH_WEST), atol=0.2)


def test_ruffling_depends_on_the_place_alone_and_keeps_even_ground() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (60 + 2 * MARGIN, 70 + 2 * MARGIN, 3)).astype(np.uint8)
    box = PixelBox(18, 500, 900, 570, 960)
    whole = ruffled(pixels, box, 0.6)
    part = ruffled(pixels[10:, 20:], PixelBox(18, 520, 910, 570, 960), 0.6)
    assert np.array_equal(whole[10:, 20:], part)
    assert (whole != pixels[4:-4, 4:-4]).any()
    even = np.full_like(pixels, 77)
    assert (ruffled(even, box, 0.6) == 77).all()


def test_the_side_of_a_crown_towards_the_sun_is_lit() -> None:
    y, x = np.mgrid[-20:21, -20:21]
    dome = np.clip(1 - np.hypot(x, y) / 12, 0, 1).astype(np.float32)
    facing = lit_side(dome, np.array([-1.0, 0.0]), 1.0)
    middle = facing.shape[1] // 2
    assert facing[:, :middle].mean() > 0.01 > -0.01 > facing[:, middle + 1 :].mean()


def test_crowns_have_limbs_and_differ_in_size() -> None:
    x, y = np.meshgrid(np.arange(30) * 9.0, np.arange(30) * 9.0)
    trees = np.column_stack([x.ravel(), y.ravel(), np.full(900, 3.0)])
    groups = crown_groups(trees, palette("temperate", np.random.default_rng(1)), SEED)
    radii = np.concatenate([group.radii for group in groups])
    assert len(radii) > 1200
    assert np.quantile(radii, 0.9) > 1.9 * np.quantile(radii, 0.1)


def test_streets_differ_in_width_and_tone() -> None:
    lines = [shapely.LineString([(60 * k, 0), (60 * k, 200)]) for k in range(40)]
    colours = palette("temperate", np.random.default_rng(2))
    layers = road_layers({"street": lines}, {"street": 3.0}, colours, paved=0.0, seed=SEED)
    surface = layers[3]  # after pavements, verges and kerbs
    widths = surface.bounds[:, 2] - surface.bounds[:, 0]
    assert widths.max() > 1.25 * widths.min()
    assert np.ptp(surface.colours.astype(float).mean(1)) > 25


def test_the_share_of_pavements_is_that_asked_for() -> None:
    lines = [shapely.LineString([(60 * k, 0), (60 * k, 200)]) for k in range(200)]
    colours = palette("temperate", np.random.default_rng(2))
    few, many = (
        road_layers({"street": lines}, {"street": 3.0}, colours, paved=share, seed=SEED)[0]
        for share in (0.1, 0.9)
    )
    assert len(few.bounds) < 40 and len(many.bounds) > 160


def test_bays_lie_on_car_parks() -> None:
    park = shapely.Polygon([(0, 0), (60, 10), (52, 58), (-8, 48)])
    parks = [shapely.transform(park, lambda c, k=k: c + 200 * k) for k in range(8)]
    lines = bays(parks, SEED)
    assert len(lines) > 100
    assert shapely.union_all(parks).buffer(1.5).covers(shapely.union_all(lines))
