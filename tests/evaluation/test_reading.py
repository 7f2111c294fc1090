import numpy as np
import pytest
from made_up_maps import blurred, town_classes, town_picture

from c2gm.evaluation.detail import detail_density, off_palette
from c2gm.evaluation.edges import near
from c2gm.evaluation.reading import PURE, read_picture
from c2gm.legend import CLASS_ID, LEGEND, palette

ALL = np.ones((512, 512), dtype=bool)


def off_share(picture):
    off, looked = off_palette(read_picture(picture), ALL)
    return off / looked


def test_flat_colours_are_read_back_exactly():
    reading = read_picture(town_picture())
    assert np.array_equal(reading.classes, town_classes())
    assert reading.distance.max() < 0.1


def test_a_casing_is_part_of_its_road_on_both_sides():
    ids = np.full((40, 40), CLASS_ID["ground"], dtype=np.uint8)
    ids[14:26] = CLASS_ID["main road"]
    ids[13] = ids[26] = CLASS_ID["road casing"]
    read = read_picture(palette()[ids]).classes
    assert (read[13:27] == CLASS_ID["main road"]).all()
    assert (read[12] == CLASS_ID["ground"]).all() and (read[27] == CLASS_ID["ground"]).all()


def test_antialiased_rims_are_no_third_class():
    colours = palette().astype(float)
    for first in ("ground", "water", "wood"):
        for second in ("main road", "building", "street"):
            picture = np.empty((12, 12, 3))
            picture[:, :6], picture[:, 6:] = colours[CLASS_ID[first]], colours[CLASS_ID[second]]
            picture[:, 6] = (colours[CLASS_ID[first]] + colours[CLASS_ID[second]]) / 2
            read = read_picture(np.round(picture).astype(np.uint8)).classes
            assert set(np.unique(read)) == {CLASS_ID[first], CLASS_ID[second]}


def test_strips_of_a_high_picture_meet_without_a_trace():
    picture = blurred(town_picture(side=256), 1)
    tall = np.concatenate([picture] * 5)
    read = read_picture(tall).classes
    alone = read_picture(tall[384:768]).classes
    assert np.array_equal(read[388:764], alone[4:-4])


@pytest.mark.parametrize("entry", LEGEND[:13], ids=lambda entry: entry.name)
def test_a_tint_of_four_levels_is_still_read_as_its_class(entry):
    colour = np.clip(np.array(entry.colour) + (4, -4, 4), 0, 255).astype(np.uint8)
    read = read_picture(np.broadcast_to(colour, (16, 16, 3)))
    assert (read.classes == CLASS_ID[entry.name]).all()
    assert (read.distance < 2 * PURE).all()


def test_clean_maps_are_on_the_palette_and_tinted_and_noisy_ones_are_not():
    clean = town_picture()
    rng = np.random.default_rng(0)
    noise = clean + rng.normal(0, 4, clean.shape)
    tinted = np.clip(clean.astype(int) + (14, -14, 14), 0, 255)
    assert off_share(clean) == 0
    assert 0.02 < off_share(np.clip(noise, 0, 255).astype(np.uint8)) < 0.5
    assert off_share(tinted.astype(np.uint8)) > 0.9


def test_rims_are_not_held_against_the_palette():
    assert off_share(blurred(town_picture(), 0.7)) < 0.01


def test_detail_grows_with_what_a_map_shows():
    full = town_classes()
    without_houses = np.where(full == CLASS_ID["building"], CLASS_ID["ground"], full)
    empty = np.zeros_like(full)
    values = [detail_density(ids.astype(np.uint8)) for ids in (empty, without_houses, full)]
    assert values == sorted(values) and values[0] < 0.1 * values[2]


def test_near_is_a_disk():
    mask = np.zeros((9, 9), dtype=bool)
    mask[4, 4] = True
    assert near(mask, 2).sum() == 13
