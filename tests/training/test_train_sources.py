"""Where a run's records come from."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from c2gm.training.own_references import OwnReferences
from c2gm.training.records import RecordPool
from c2gm.training.referenced import ReferencedRecords
from c2gm.training.sources import crop_config, open_records, own_references


def test_worlds_are_made_meanwhile_where_a_run_asks_for_them(configured, records, monkeypatch):
    seen = {}

    @contextmanager
    def feed(root, config, *, decoupled):
        seen.update(root=root, config=config, decoupled=decoupled, open=True)
        yield RecordPool(root)
        seen["open"] = False

    monkeypatch.setattr("c2gm.training.world_feed.WorldFeed", feed)
    config = configured(world_processes=3, worlds_kept=7, decoupled=0.25)
    with open_records(config, referenced=False) as source:
        assert len(source) == 4 and seen["open"]
    assert not seen["open"] and seen["root"] == records
    assert (seen["config"].processes, seen["config"].keep, seen["decoupled"]) == (3, 7, 0.25)


def test_records_without_parents_are_left_out_where_a_model_needs_references(configured):
    with open_records(configured(), referenced=True) as source:
        assert isinstance(source, ReferencedRecords)
    with open_records(configured(), referenced=False) as source:
        assert isinstance(source, RecordPool)


def test_own_references_are_there_only_where_asked_for(configured, records):
    assert own_references(configured("joint"), RecordPool(records), 0) is None
    asked = own_references(configured("joint", own_references=0.3), RecordPool(records), 0)
    assert isinstance(asked, OwnReferences) and asked.share == 0.3


@pytest.mark.parametrize("name", ["no_reference", "corrupt", "masked", "warped", "misplaced"])
def test_shares_of_a_run_are_those_of_its_crops(configured, name):
    assert getattr(crop_config(configured(**{name: 0.37})), name) == 0.37
