from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from c2gm.errors import ConfigError
from c2gm.models.config import TextConfig
from c2gm.models.libraries import import_open_clip
from c2gm.models.presets import SCALE_TEXT_TOKENS, mini
from c2gm.models.text import (
    CLIP_VOCABULARY,
    TextTower,
    expand_vocabulary,
    known_token_ids,
    scale_texts,
    tokenize,
    vocabulary_rows,
)


def test_minis_known_tokens_are_those_of_every_scale_text() -> None:
    assert known_token_ids(scale_texts()) == SCALE_TEXT_TOKENS
    assert mini().text.known_tokens == SCALE_TEXT_TOKENS


def test_scale_texts_cover_all_zooms_and_steps() -> None:
    texts = scale_texts()
    assert len(texts) == len(set(texts)) == 21 + 20 + 19
    assert not any("level -" in text for text in texts)


def test_every_scale_text_keeps_its_words_in_the_cut_vocabulary() -> None:
    rows = vocabulary_rows(mini().text)
    tokens = tokenize(scale_texts())
    assert len(rows[tokens].unique()) == len(tokens.unique())


def test_unknown_tokens_share_the_remaining_rows() -> None:
    config = TextConfig(width=8, heads=1, layers=2, vocabulary=12, known_tokens=(0, 49406, 49407))
    rows = vocabulary_rows(config)
    assert rows[[0, 49406, 49407]].tolist() == [0, 1, 2]
    assert rows[[1, 9, 10, 11]].tolist() == [3 + 1, 3 + 0, 3 + 1, 3 + 2]
    assert int(rows.max()) == 11


def test_the_whole_vocabulary_needs_no_table() -> None:
    assert torch.equal(vocabulary_rows(TextConfig()), torch.arange(CLIP_VOCABULARY))


def test_a_vocabulary_without_room_for_unknown_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match="no room"):
        vocabulary_rows(TextConfig(vocabulary=3, known_tokens=(0, 1, 2)))


def test_a_stock_encoder_with_the_expanded_table_reads_the_same() -> None:
    torch.manual_seed(0)
    cut = TextTower(mini().text).eval()
    config = replace(mini().text, vocabulary=CLIP_VOCABULARY, known_tokens=())
    whole = TextTower(config).eval()
    state = cut.state_dict()
    table = expand_vocabulary(state["token_embedding.weight"], mini().text)
    assert table.shape == (CLIP_VOCABULARY, mini().text.width)
    whole.load_state_dict({**state, "token_embedding.weight": table})
    tokens = tokenize([*scale_texts()[:3], "a harbour in the fog"])
    with torch.no_grad():
        assert torch.equal(cut(tokens), whole(tokens))


def test_the_text_reads_from_left_to_right() -> None:
    torch.manual_seed(0)
    tower = TextTower(mini().text).eval()
    tokens = tokenize(["map of a town"])
    later = tokens.clone()
    later[0, 5:] = 343
    with torch.no_grad():
        before, after = tower(tokens), tower(later)
    assert torch.allclose(before[0, :5], after[0, :5], atol=1e-6)
    assert not torch.allclose(before[0, 5], after[0, 5], atol=1e-3)


def test_the_tower_computes_what_open_clips_computes() -> None:
    torch.manual_seed(0)
    config = TextConfig(width=32, heads=2, layers=3)
    ours = TextTower(config).eval()
    theirs = import_open_clip().transformer.Transformer(config.width, config.layers, config.heads)
    theirs.load_state_dict(ours.transformer.state_dict())
    theirs.eval()
    tokens = tokenize(scale_texts()[:2])
    mask = torch.full((77, 77), float("-inf")).triu_(1)
    with torch.no_grad():
        x = ours.token_embedding(tokens) + ours.positional_embedding
        for block in theirs.resblocks[:-1]:
            x = block(x, attn_mask=mask)
        assert torch.equal(ours(tokens), ours.ln_final(x))


def test_a_text_that_is_too_long_is_cut_and_still_ended() -> None:
    tokens = tokenize(["road " * 200])
    assert tokens.shape == (1, 77)
    assert int(tokens[0, -1]) == 49407
