"""Rankings: the worse a map is, the lower it scores, and by the measure that should see it."""

import numpy as np
import pytest
from made_up_maps import Mosaic, blurred, pyramid, shifted, town_classes, town_picture
from mercantile import Tile

from c2gm.evaluation.controls import Enlarged, GroundColour
from c2gm.evaluation.groups import FIVE_CLASSES, UNLABELLED, five_table
from c2gm.evaluation.scoring import Comparison, tiles_to_compare
from c2gm.evaluation.truth import RasterTruth
from c2gm.legend import CLASS_ID, palette

FINE = town_picture()
# Generalised, so that zooms differ by more than their size: no buildings at the lower zoom.
COARSE_CLASSES = np.where(town_classes() == CLASS_ID["building"], 0, town_classes())[::2, ::2]
COARSE = palette()[COARSE_CLASSES]
TRUTH = pyramid(FINE, COARSE)


def repainted(**changes):
    ids = town_classes()
    for old, new in changes.items():
        ids[town_classes() == CLASS_ID[old]] = CLASS_ID[new]
    return palette()[ids]


def tinted():
    """Every other tile a little lighter."""
    picture = FINE.astype(np.int16)
    picture[:256, :256] += 4
    picture[256:, 256:] += 4
    return np.clip(picture, 0, 255).astype(np.uint8)


MAPS = {
    "truth": FINE,
    "blur 1": blurred(FINE, 1),
    "blur 4": blurred(FINE, 4),
    "shift 2": shifted(FINE, 2),
    "shift 4": shifted(FINE, 4),
    "green as water": repainted(wood="water", water="wood"),
    "no buildings": repainted(building="ground"),
    "tinted tiles": tinted(),
    "another place": town_picture(7),
}


@pytest.fixture(scope="module")
def comparison():
    return Comparison(TRUTH, TRUTH.all())


@pytest.fixture(scope="module")
def scores(comparison):
    found = {name: comparison.score(pyramid(picture, COARSE)) for name, picture in MAPS.items()}
    found["enlarged"] = comparison.score(Enlarged(TRUTH, zoom=16))
    found["ground"] = comparison.score(GroundColour())
    return {name: by_zoom[17].measures for name, by_zoom in found.items() if 17 in by_zoom}


PERFECT = {
    **dict.fromkeys(("psnr_y", "psnr_rgb", "psnr_y_pooled"), 60.0),
    **dict.fromkeys(("miou", "class_miou", "edge_f1", "edge_f1_4px", "road_f1", "apls"), 1.0),
    **dict.fromkeys(("ssim_y", "ssim_rgb", "road_correctness", "road_completeness"), 1.0),
    **dict.fromkeys(("main_road_completeness", "building_share_ratio", "detail_ratio"), 1.0),
    **dict.fromkeys(("seam_ratio", "band_ratio", "tile_border_edge_ratio"), 1.0),
    **dict.fromkeys(("cross_scale_ratio", "capped_tiles"), 1.0),
    "off_palette": 0.0,
    "invented_share": 0.0,
}


def test_the_truth_scores_perfectly_in_every_measure(scores):
    assert {name: scores["truth"][name] for name in PERFECT} == pytest.approx(PERFECT)


@pytest.mark.parametrize("measure", ["psnr_y", "psnr_rgb", "ssim_y", "miou", "edge_f1"])
def test_blur_costs_more_the_stronger_it_is(scores, measure):
    values = [scores[name][measure] for name in ("truth", "blur 1", "blur 4")]
    assert values == sorted(values, reverse=True) and values[1] > values[2]


@pytest.mark.parametrize("measure", ["psnr_y", "psnr_rgb", "miou", "edge_f1"])
def test_a_shift_costs_more_the_longer_it_is(scores, measure):
    values = [scores[name][measure] for name in ("truth", "shift 2", "shift 4")]
    assert values == sorted(values, reverse=True) and values[1] > values[2]


def test_a_shift_leaves_seams_and_ways_as_they_are(scores):
    assert scores["shift 4"]["apls"] > 0.9
    assert scores["shift 4"]["seam_ratio"] == pytest.approx(1, abs=0.25)


def test_swapped_classes_are_seen_by_iou_and_not_by_borders(scores):
    assert scores["green as water"]["miou"] < 0.75
    assert scores["green as water"]["edge_f1"] > 0.95


def test_a_class_that_the_truth_has_not_is_invented(comparison, scores):
    invented = comparison.score(pyramid(repainted(park="railway"), COARSE))[17]
    assert invented.measures["invented_share"] == pytest.approx(
        invented.classes["park"]["true_share"]
    )
    assert scores["shift 4"]["invented_share"] == 0


def test_missing_buildings_are_seen_by_shares_and_detail(scores):
    assert scores["no buildings"]["building_share_ratio"] == 0
    assert scores["no buildings"]["detail_ratio"] < 0.8
    assert scores["no buildings"]["road_f1"] == pytest.approx(1)


def test_tinted_tiles_are_seen_by_the_seam_ratio_alone(scores):
    tinted = scores["tinted tiles"]
    assert tinted["seam_ratio"] > 1.3
    assert tinted["miou"] > 0.99 and tinted["edge_f1"] > 0.99 and tinted["psnr_y"] > 38


def test_another_place_is_wrong_in_everything_but_its_looks(scores):
    other = scores["another place"]
    assert other["miou"] < 0.6 and other["edge_f1"] < 0.75
    assert other["off_palette"] == 0 and 0.7 < other["detail_ratio"] < 1.4


def test_an_enlargement_adds_nothing_from_zoom_to_zoom(scores):
    assert scores["enlarged"]["cross_scale_ratio"] < 0.3
    assert scores["enlarged"]["road_f1"] > 0.95  # and PSNR or roads alone do not tell


def test_an_empty_map_fails_everything_but_ssim_and_the_palette(scores):
    empty = scores["ground"]
    assert empty["miou"] < 0.15 and empty["edge_f1"] == empty["road_f1"] == empty["apls"] == 0
    assert empty["road_correctness"] is None  # nothing was drawn that could be wrong
    assert empty["off_palette"] == 0 and empty["ssim_y"] > 0.5


def test_all_values_stay_within_their_bounds(scores):
    for measures in scores.values():
        for name, value in measures.items():
            if value is not None:
                assert 0 <= value <= (60 if name.startswith("psnr") else np.inf)
                if name.endswith(("miou", "f1", "ness", "apls")):
                    assert value <= 1


def test_missing_tiles_are_counted_and_the_others_scored(comparison):
    holed = pyramid(FINE, COARSE)
    del holed.tiles_by_zoom[17][Tile(1, 0, 17)]
    score = comparison.score(holed)[17]
    assert (score.tiles, score.missing) == (3, 1)
    assert score.measures["miou"] == 1


def test_transparent_pixels_do_not_count(comparison):
    clear = pyramid(FINE, COARSE)
    tile = Tile(0, 0, 17)
    rgba = np.dstack([clear.get(tile), np.full((256, 256), 255, np.uint8)])
    rgba[:, 100:] = 0
    clear.tiles_by_zoom[17][tile] = rgba
    assert comparison.score(clear)[17].measures["class_miou"] == pytest.approx(1, abs=0.02)


def test_groups_and_classes_are_told_by_name(comparison):
    score = comparison.score(pyramid(repainted(wood="park"), COARSE))[17]
    assert score.groups["green"]["iou"] == 1  # a wood read as a park is still green
    assert score.classes["wood"]["iou"] == 0 and score.classes["park"]["share_ratio"] > 1
    assert score.groups["main road"]["true_share"] == score.groups["main road"]["share"] > 0


class Masks(RasterTruth):
    """The town as masks of real ground, part of it unlabelled."""

    def __init__(self, unlabelled=0):
        five = five_table()[town_classes()]
        five[:, :unlabelled] = UNLABELLED
        self.labels = Mosaic({17: five})

    def classes(self, tile):
        return self.labels.get(tile)


def test_masks_are_scored_in_five_classes():
    masks = Masks()
    score = Comparison(masks, {17: list(TRUTH.tiles(17))}).score(TRUTH)[17]
    assert tuple(score.groups) == FIVE_CLASSES and score.classes == {}
    assert score.measures["miou"] == score.measures["edge_f1"] == 1
    assert score.measures["road_f1"] == 1
    assert (
        score.measures["main_road_completeness"] is None
        if ("main_road_completeness" in score.measures)
        else True
    )
    assert score.measures["psnr_y"] is None


def test_what_is_drawn_on_unlabelled_ground_is_neither_right_nor_wrong():
    wrong = FINE.copy()
    wrong[:, :200] = palette()[CLASS_ID["water"]]
    tiles = {17: list(TRUTH.tiles(17))}
    everywhere, labelled = (
        Comparison(Masks(unlabelled), tiles).score(pyramid(wrong, COARSE))[17].measures
        for unlabelled in (0, 204)
    )
    assert everywhere["miou"] < 0.75
    assert labelled["miou"] == 1 and labelled["road_correctness"] > 0.99


def test_tiles_of_a_true_map_inside_the_maps_rectangle_are_asked_for():
    holed = pyramid(FINE, COARSE)
    del holed.tiles_by_zoom[17][Tile(1, 0, 17)]
    assert len(tiles_to_compare(holed, TRUTH, (16, 17))[17]) == 4
    assert len(tiles_to_compare(holed, Masks(), (16, 17))[17]) == 3


def test_scoring_twice_gives_the_same_numbers(comparison):
    drawn = pyramid(blurred(FINE, 2), COARSE)
    assert comparison.score(drawn)[17] == comparison.score(drawn)[17]
