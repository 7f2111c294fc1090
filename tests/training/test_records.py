import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2gm.errors import TrainingError
from c2gm.legend import GROUND
from c2gm.references import enlarge_reference
from c2gm.training.crops import CropConfig, corrupt_reference, cut_crop
from c2gm.training.recolour import recolour
from c2gm.training.records import Record, RecordPool, write_shard


def record(seed=0, zoom=17, place="town-1", parents=True):
    rng = np.random.default_rng(seed)
    return Record(
        imagery=rng.integers(0, 256, (320, 320, 3), dtype=np.uint8),
        map=rng.integers(0, 256, (320, 320, 3), dtype=np.uint8),
        classes=rng.integers(0, 13, (320, 320), dtype=np.uint8),
        parent2=rng.integers(0, 256, (168, 168, 3), dtype=np.uint8) if parents else None,
        parent4=rng.integers(0, 256, (88, 88, 3), dtype=np.uint8) if parents else None,
        zoom=zoom,
        place=place,
        complete=True,
        ranked_roads=False,
    )


def test_a_shard_gives_back_what_was_written(tmp_path):
    written = [record(0), record(1, zoom=14, parents=False)]
    write_shard(tmp_path / "a", written)
    read = list(RecordPool(tmp_path).all())
    assert np.array_equal(read[0].imagery, written[0].imagery)
    assert np.array_equal(read[0].parent4, written[0].parent4)
    assert read[1].parent2 is None and read[1].parent4 is None
    assert (read[1].zoom, read[1].place, read[1].ranked_roads) == (14, "town-1", False)


def test_a_pool_without_shards_says_so(tmp_path):
    with pytest.raises(TrainingError, match="no training records"):
        RecordPool(tmp_path)


def test_kinds_are_drawn_by_weight_whatever_their_number_of_records(tmp_path):
    write_shard(tmp_path / "many", [record(i, place="town-1") for i in range(9)])
    write_shard(tmp_path / "few", [record(9, place="dubai-1")])
    pool, rng = RecordPool(tmp_path), np.random.default_rng(0)
    drawn = [pool.draw(rng, {"town": 1, "dubai": 3}).place for _ in range(200)]
    assert 0.65 < drawn.count("dubai-1") / 200 < 0.85


def test_shards_that_come_later_are_taken_in(tmp_path):
    write_shard(tmp_path / "a", [record(0)])
    pool = RecordPool(tmp_path)
    write_shard(tmp_path / "b", [record(1, place="dubai-1")])
    pool.refresh()
    assert len(pool) == 2 and set(pool.kinds) == {"town", "dubai"}


def exact(**changes):
    return CropConfig(
        **{
            "no_reference": 0,
            "corrupt": 0,
            "masked": 0,
            "recolour": False,
            "misplaced": 0,
            **changes,
        }
    )


def test_the_reference_of_a_crop_is_the_crop_of_the_windows_reference():
    source = record()
    whole = {2: enlarge_reference(source.parent2, 2), 4: enlarge_reference(source.parent4, 4)}
    rng = np.random.default_rng(3)
    for _ in range(12):
        crop = cut_crop(source, exact(), rng)
        # The map tells where the crop was cut and how it was turned.
        found = False
        for turn in range(8):
            for top in range(0, 193, 8):
                for left in range(0, 193, 8):
                    view = source.map[top : top + 128, left : left + 128]
                    turned = np.rot90(view, turn % 4)
                    turned = turned[:, ::-1] if turn >= 4 else turned
                    if turned[0, 0].tolist() == crop.map[0, 0].tolist() and np.array_equal(
                        turned, crop.map
                    ):
                        cut = whole[crop.cascade_factor][top : top + 128, left : left + 128]
                        cut = np.rot90(cut, turn % 4)
                        cut = cut[:, ::-1] if turn >= 4 else cut
                        assert np.array_equal(cut, crop.reference)
                        found = True
        assert found


def test_without_a_reference_the_crop_has_ground_in_its_place():
    crop = cut_crop(record(), exact(no_reference=1), np.random.default_rng(0))
    assert crop.cascade_factor is None and (crop.reference == GROUND).all()


def test_masked_imagery_is_grey_and_its_truth_is_ground():
    crop = cut_crop(record(), exact(masked=1), np.random.default_rng(0))
    hidden = (crop.imagery == 127).all(-1)
    assert hidden.mean() > 0.02
    assert (crop.map[hidden] == GROUND).all() and (crop.classes[hidden] == 0).all()


def test_the_same_generator_gives_the_same_crop():
    first, second = (cut_crop(record(), CropConfig(), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.imagery, second.imagery)
    assert np.array_equal(first.reference, second.reference)


def test_corruption_changes_a_reference_but_keeps_its_form():
    clean = enlarge_reference(record().parent2, 2)[:128, :128]
    damaged = [corrupt_reference(clean, np.random.default_rng(i)) for i in range(20)]
    assert all(d.shape == clean.shape and d.dtype == np.uint8 for d in damaged)
    assert sum(not np.array_equal(d, clean) for d in damaged) >= 15


def flat_pattern():
    """A record whose imagery, map, classes, labels and parents all show one bright square."""
    classes = np.zeros((320, 320), np.uint8)
    classes[136:168, 144:192] = 7
    picture = np.where(classes[..., None] > 0, np.uint8(250), np.uint8(20)) * np.ones(3, np.uint8)

    def parent(factor):
        margin = np.pad(picture[::factor, ::factor], ((4, 4), (4, 4), (0, 0)), mode="edge")
        return np.ascontiguousarray(margin)

    return replace(
        record(),
        imagery=picture,
        map=picture,
        classes=classes,
        labels=(classes > 0).astype(np.uint8),
        parent2=parent(2),
        parent4=parent(4),
    )


@given(seed=st.integers(0, 10_000), warped=st.sampled_from([0.0, 1.0]))
@settings(max_examples=40, deadline=None)
def test_all_pictures_of_a_crop_are_cut_turned_and_scaled_alike(seed, warped):
    config = exact(warped=warped, misplaced=0)
    crop = cut_crop(flat_pattern(), config, np.random.default_rng(seed))
    inside = crop.classes == 7
    assert np.array_equal(crop.labels == 1, inside)
    assert np.array_equal(crop.map[..., 0] > 128, inside)
    assert (np.unique(crop.map)[..., None] == [20, 250]).any(-1).all()
    # Bilinear pictures differ from the nearest one at the rim only.
    assert ((crop.imagery[..., 0] > 135) == inside).mean() > 0.985
    assert ((crop.reference[..., 0] > 135) == inside).mean() > 0.97


def test_warped_crops_come_in_all_angles_and_sizes():
    source, config = flat_pattern(), exact(warped=1)
    areas = [cut_crop(source, config, np.random.default_rng(i)).classes for i in range(90)]
    whole = [c for c in areas if not c[[0, -1]].any() and not c[:, [0, -1]].any() and c.any()]
    sizes = [c.astype(bool).sum() / (32 * 48) for c in whole]
    assert min(sizes) < 0.75 and max(sizes) > 1.25
    assert 1 / 1.75 < min(sizes) and max(sizes) < 1.75


def test_a_window_without_room_for_turning_is_cut_as_it_is():
    crop = cut_crop(flat_pattern(), exact(size=320, warped=1), np.random.default_rng(0))
    assert (crop.classes == 7).sum() == 32 * 48


def test_misplaced_imagery_lies_at_most_two_pixels_off_its_truth():
    shifts = set()
    for seed in range(90):
        crop = cut_crop(flat_pattern(), exact(misplaced=1), np.random.default_rng(seed))
        bright, inside = crop.imagery[..., 0] > 128, crop.classes == 7
        if not inside.any() or inside[[0, 1, -2, -1]].any() or inside[:, [0, 1, -2, -1]].any():
            continue
        rows, columns = (np.argwhere(x).mean(0) for x in (bright, inside))
        shifts.add(tuple(np.rint(rows - columns).astype(int)))
    assert len(shifts) > 3
    assert max(abs(part) for shift in shifts for part in shift) <= 2


def test_the_text_of_a_decoupled_crop_is_that_of_its_look():
    crop = cut_crop(replace(record(), look_zoom=15), exact(), np.random.default_rng(0))
    assert crop.zoom == 15


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_recolouring_keeps_form_and_changes_colours_only_so_far(seed):
    grey = np.full((64, 64, 3), 128, dtype=np.uint8)
    grey[16:48, 16:48] = (200, 180, 90)
    seen = recolour(grey, np.random.default_rng(seed))
    assert seen.shape == grey.shape and seen.dtype == np.uint8 and seen.flags.writeable
    assert 20 < seen.mean() < 250


def test_hue_turns_both_ways_and_keeps_grey():
    tinted = np.zeros((32, 32, 3), np.uint8) + np.array([150, 110, 70], np.uint8)
    seen = np.array([recolour(tinted, np.random.default_rng(i)).mean((0, 1)) for i in range(80)])
    assert (seen[:, 0] > seen[:, 2]).mean() > 0.8  # warm stays warm nearly always
    green_share = seen[:, 1] / seen.sum(1)
    assert green_share.std() > 0.01


def test_old_shards_without_labels_and_looks_are_still_read(tmp_path):
    write_shard(tmp_path / "a", [record(0)])
    (tmp_path / "a" / "labels.npy").unlink()
    notes = json.loads((tmp_path / "a" / "records.json").read_text())
    del notes[0]["look_zoom"]
    (tmp_path / "a" / "records.json").write_text(json.dumps(notes))
    read = next(RecordPool(tmp_path).all())
    assert read.labels is None and read.text_zoom == 17
    assert read.label_ids().shape == (320, 320)


def test_kinds_that_a_pool_does_not_have_are_named(tmp_path):
    write_shard(tmp_path / "a", [record(0)])
    with pytest.raises(TrainingError, match="town.*none of world"):
        RecordPool(tmp_path).draw(np.random.default_rng(0), {"world": 1.0})


def test_missing_imagery_stays_mid_grey_whatever_the_sensor():
    half = record().imagery.copy()
    half[:, 160:] = 127
    crops = [
        cut_crop(replace(record(), imagery=half), CropConfig(masked=0), np.random.default_rng(i))
        for i in range(12)
    ]
    grey = [(crop.imagery == 127).all(-1).mean() for crop in crops]
    assert max(grey) > 0.4
