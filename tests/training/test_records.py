import numpy as np
import pytest

from c2gm.errors import TrainingError
from c2gm.legend import GROUND
from c2gm.references import enlarge_reference
from c2gm.training.crops import CropConfig, corrupt_reference, cut_crop
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
        **{"no_reference": 0, "corrupt": 0, "masked": 0, "recolour": False, **changes}
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
