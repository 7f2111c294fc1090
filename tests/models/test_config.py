import dataclasses
import json
from typing import Any

import pytest

from c2gm.errors import ConfigError
from c2gm.models.config import SGDMConfig, from_dict
from c2gm.models.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_survives_json(name: str) -> None:
    config = PRESETS[name]()
    assert from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_whole_numbers_may_stand_for_fractions() -> None:
    assert from_dict({"sf_adapter": {"control_factor": 1}}).sf_adapter.control_factor == 1


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"colour": 1}, "'colour'"),
        ({"unet": {"width": 1}}, "unet has the unknown key 'width'"),
        ({"unet": [1, 2]}, "unet is not a table"),
        ({"unet": {"widths": [32, 0]}}, "widths"),
        ({"unet": {"widths": 32}}, "widths"),
        ({"unet": {"widths": [32] * 65}}, "widths"),
        ({"unet": {"attention": [1, 0]}}, "attention"),
        ({"unet": {"head_channels": 0}}, "head_channels"),
        ({"unet": {"head_channels": True}}, "head_channels"),
        ({"unet": {"concat_reference": 1}}, "concat_reference"),
        ({"text": {"layers": 65}}, "layers"),
        ({"text": {"known_tokens": [49408]}}, "known_tokens"),
        ({"mf_encoder": {"extra_residual_blocks": -1}}, "extra_residual_blocks"),
        ({"mf_encoder": {"arm": "both"}}, "arm"),
        ({"schedule": {"beta_end": float("nan")}}, "beta_end"),
        ({"prediction_type": "x0"}, "prediction_type"),
        ({"name": 7}, "name"),
    ],
)
def test_impossible_values_are_refused_by_name(values: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        from_dict(values)


def test_every_switch_that_may_be_off_may_be_stored_as_zero() -> None:
    config = SGDMConfig()
    off = {"class_head": 0, "extra_residual_blocks": 0}
    assert from_dict({"mf_encoder": off, "unet": {"draft_channels": 0}}) == config
    assert from_dict({"text": {"known_tokens": [0, 49407]}}).text == dataclasses.replace(
        config.text, known_tokens=(0, 49407)
    )
