import numpy as np
import pytest
import shapely

from c2gm.worlds.footprints import houses
from c2gm.worlds.furrows import field_lines
from c2gm.worlds.look_statistics import class_colours, look_statistics, mean_and_spread
from c2gm.worlds.noise import PixelGrid, WorldNoise
from c2gm.worlds.place_chance import chances, lattice
from c2gm.worlds.sensor import BLUR_MARGIN, Sensor, compressed, developed, sensor, through_lens
from c2gm.worlds.traffic import cars_on_parks, cars_on_roads


def test_a_place_draws_the_same_chance_in_any_company() -> None:
    places = np.random.default_rng(0).uniform(-2e7, 2e7, (500, 2))
    every = chances(places, 7, 3)
    assert np.array_equal(every[100:200], chances(places[100:200], 7, 3))
    assert 0 <= every.min() and every.max() < 1
    assert abs(every.mean() - 0.5) < 0.05
    assert abs(np.corrcoef(every, chances(places, 7, 4))[0, 1]) < 0.15


def test_lattices_of_overlapping_bounds_share_their_points() -> None:
    first = lattice((-100, -80, 120, 90), 7.5, 1, 2)
    second = lattice((0, 0, 300, 200), 7.5, 1, 2)
    inside = first[(first > 8).all(1) & (first < (110, 80)).all(1)]
    assert len(inside) > 80
    assert {tuple(p) for p in inside.tolist()} <= {tuple(p) for p in second.tolist()}


def test_noise_of_a_place_does_not_depend_on_the_grid_it_is_asked_with() -> None:
    noise = WorldNoise(5)
    x, y = np.arange(0, 90.0) * 1.2, np.arange(0, 70.0) * -1.2
    whole = noise.octave(PixelGrid(x, y, 1.2), period=4.0, salt=3)
    part = noise.octave(PixelGrid(x[20:50], y[10:40], 1.2), period=4.0, salt=3)
    assert np.array_equal(whole[10:40, 20:50], part)


def ell() -> shapely.Polygon:
    return shapely.Polygon([(0, 0), (30, 0), (30, 10), (10, 10), (10, 25), (0, 25)])


def built(shapes: list[shapely.Polygon], climate: str = "temperate", density: float = 0.1):  # noqa: ANN201
    array = np.array(shapes, dtype=object)
    return houses(array, density=np.full(len(array), density), climate=climate, seed=1)


def test_an_angled_house_is_cut_into_a_main_block_and_a_wing() -> None:
    shapes = [shapely.transform(ell(), lambda c, k=k: c + 100 * k) for k in range(30)]
    made = built(shapes)
    pitched = np.flatnonzero(made.kinds != "flat")
    assert len(pitched) > 10
    for index in pitched.tolist():
        own = made.owner == index
        blocks = shapely.polygons(made.blocks.corners[own])
        assert own.sum() == 2 and made.wing[own].tolist() == [False, True]
        assert shapely.union_all(blocks).symmetric_difference(shapes[index]).area < 1


def test_a_rectangle_is_one_block_and_a_round_tower_none() -> None:
    made = built([shapely.box(0, 0, 12, 9), shapely.Point(50, 50).buffer(9)])
    assert made.owner.tolist().count(0) == 1
    assert shapely.area(shapely.polygons(made.blocks.corners[0])) == pytest.approx(108)


def test_city_houses_are_higher_and_desert_roofs_flat() -> None:
    shapes = [shapely.box(60 * k, 0, 60 * k + 14, 11) for k in range(80)]
    assert built(shapes, density=0.4).floors.mean() > built(shapes, density=0.05).floors.mean() + 3
    assert (built(shapes, climate="desert").kinds == "flat").mean() > 0.7
    assert (built(shapes).kinds == "flat").mean() < 0.3


def test_cars_drive_beside_the_middle_of_roads_and_park_inside_car_parks() -> None:
    road = shapely.LineString([(0, 0), (900, 300)])
    places, headings = cars_on_roads({"main_road": np.array([road])}, 2)
    distance = shapely.distance(shapely.points(places), road)
    assert len(places) > 3 and (distance > 1).all() and (distance < 4).all()
    assert np.allclose(np.tan(headings), 1 / 3, atol=0.01)
    park = shapely.Polygon([(0, 0), (60, 10), (52, 58), (-8, 48)])
    parked, _ = cars_on_parks([park], 2)
    assert len(parked) > 10 and shapely.contains_xy(park, *parked.T).all()


def camera(**other: float) -> Sensor:
    plain = {"haze": 0.0, "contrast": 1.0, "saturation": 1.0, "blur": 0.3, "sharpening": 0.0}
    numbers = {**plain, "noise": 0.0, "quality": 90.0, **other}
    ones = np.ones(3, np.float32)
    return Sensor(gain=ones, haze_colour=150 * ones, toning=0 * ones, **numbers)


def test_a_blurred_picture_keeps_its_light_and_loses_detail() -> None:
    light = np.random.default_rng(1).uniform(0, 255, (60, 70, 3)).astype(np.float32)
    sharp = through_lens(light, camera(blur=0.2), 1.0)
    soft = through_lens(light, camera(blur=1.6), 1.0)
    assert sharp.shape == (60 - 2 * BLUR_MARGIN, 70 - 2 * BLUR_MARGIN, 3)
    assert abs(sharp.mean() - soft.mean()) < 2
    assert soft.std() < 0.5 * sharp.std()


def test_haze_pales_and_saturation_zero_greys() -> None:
    light = np.random.default_rng(2).uniform(0, 255, (8, 8, 3)).astype(np.float32)
    assert developed(light, camera(haze=0.5)).std() < 0.6 * light.std()
    grey = developed(light, camera(saturation=0.0))
    assert np.allclose(grey, grey.mean(-1, keepdims=True), atol=0.01)


def test_compression_costs_more_the_lower_the_quality_and_blocks_stand_alone() -> None:
    rng = np.random.default_rng(3)
    film = rng.uniform(40, 200, (6, 6, 3)).repeat(8, 0).repeat(8, 1).astype(np.float32)
    film += rng.normal(0, 6, film.shape).astype(np.float32)
    errors = [np.abs(compressed(film, q) - film).mean() for q in (95.0, 80.0, 40.0)]
    assert 0 < errors[0] < errors[1] < errors[2] < 20
    assert np.array_equal(
        compressed(film, 70.0)[16:32, 16:48], compressed(film[16:32, 16:48], 70.0)
    )


def test_sensors_differ_by_seed_and_repeat() -> None:
    assert sensor(4).blur == sensor(4).blur != sensor(5).blur
    assert all(55 <= sensor(seed).quality <= 96 for seed in range(50))


def test_field_lines_fade_where_pixels_are_too_coarse_for_them() -> None:
    across = np.linspace(0, 300, 4000)
    fine, coarse = (field_lines(across, 2.4, resolution) for resolution in (0.3, 4.8))
    assert np.abs(np.diff(coarse)).mean() < 0.5 * np.abs(np.diff(fine)).mean()
    assert abs(fine.mean()) < 0.15 and coarse.std() > 0.01


def test_statistics_tell_grain_from_blur_and_grey_from_colour() -> None:
    rng = np.random.default_rng(4)
    noise = rng.integers(0, 256, (200, 200, 3)).astype(np.uint8)
    flat = np.full((200, 200, 3), (120, 60, 60), dtype=np.uint8)
    smooth = np.cumsum(np.cumsum(rng.normal(0, 1, (200, 200)), 0), 1)
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 255
    smooth = np.repeat(smooth[..., None], 3, 2).astype(np.uint8)
    assert look_statistics(smooth).slope < -2 < -0.5 < look_statistics(noise).slope
    assert look_statistics(flat).saturation == pytest.approx(0.5)
    assert look_statistics(smooth).saturation == 0
    mean, spread = mean_and_spread([flat, flat])
    assert mean.red == 120 and spread.red == 0


def test_class_colours_are_those_of_their_pixels() -> None:
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    picture[:2] = (10, 20, 30)
    classes = np.repeat([[7], [7], [2], [2]], 4, axis=1)
    found = class_colours(picture, classes)
    assert found[7].tolist() == [10, 20, 30, 0] and found[2].tolist() == [0, 0, 0, 0]
