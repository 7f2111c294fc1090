"""Scale text in, text embedding out: a text tower of open_clip's kind, read before its last layer.

Attribute names are those of the authors' checkpoints below `cond_stage_model.model.`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..map_scale import map_scale, scale_text
from .config import TextConfig
from .libraries import import_open_clip

CLIP_VOCABULARY = 49408
ZOOMS = range(21)
CASCADE_FACTORS = (2, 4, None)


class TextTower(nn.Module):
    """Token ids to the text embedding.

    The embedding is the penultimate layer's output through the final norm, without projection. The
    last layer, `text_projection` and `logit_scale` are kept because the files hold them.

    Raises:
        ConfigError: a cut vocabulary has no room for unknown tokens.
    """

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.token_embedding = nn.Embedding(config.vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(config.context_length, width))
        self.transformer = _Transformer(config)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, config.projection))
        self.logit_scale = nn.Parameter(torch.zeros(()))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=width**-0.5)
        cut = config.vocabulary < CLIP_VOCABULARY
        self.register_buffer("rows", vocabulary_rows(config) if cut else None, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Text embedding [B,77,width] of CLIP token ids [B,77], padded with 0."""
        rows = tokens if self.rows is None else cast(Tensor, self.rows)[tokens]
        x = self.token_embedding(rows) + self.positional_embedding
        length = tokens.shape[1]
        mask = x.new_full((length, length), float("-inf")).triu_(1)
        for block in self.transformer.resblocks[:-1]:
            x = block(x, mask)
        return cast(Tensor, self.ln_final(x))


class _Transformer(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(config) for _ in range(config.layers))


class _Block(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        width = config.width
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, config.heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        layers = {
            "c_fc": nn.Linear(width, 4 * width),
            "gelu": nn.GELU(),
            "c_proj": nn.Linear(4 * width, width),
        }
        self.mlp = nn.Sequential(OrderedDict(layers))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        return cast(Tensor, x + self.mlp(self.ln_2(x)))


def tokenize(texts: Sequence[str], context_length: int = 77) -> Tensor:
    """CLIP token ids, int64 [B,77]: start, text, end, zeros; too long a text is cut.

    Raises:
        MissingExtra: open_clip is not installed.
    """
    return cast(Tensor, import_open_clip().tokenize(list(texts), context_length=context_length))


def vocabulary_rows(config: TextConfig) -> Tensor:
    """Row of the embedding table for each of CLIP's 49,408 token ids, int64.

    Raises:
        ConfigError: a cut vocabulary has no room for unknown tokens.
    """
    known = len(config.known_tokens)
    shared = config.vocabulary - known
    if config.vocabulary == CLIP_VOCABULARY:
        return torch.arange(CLIP_VOCABULARY, device="cpu")
    if shared < 1:
        raise ConfigError(
            f"A vocabulary of {config.vocabulary} rows has no room beside its {known} known tokens."
        )
    rows = known + torch.arange(CLIP_VOCABULARY, device="cpu") % shared
    rows[torch.tensor(config.known_tokens, dtype=torch.long, device="cpu")] = torch.arange(
        known, device="cpu"
    )
    return rows


def expand_vocabulary(table: Tensor, config: TextConfig) -> Tensor:
    """A cut embedding table [vocabulary,width] as CLIP's full one, [49408,width].

    A stock text encoder with the full table gives the same embeddings.
    """
    return table[vocabulary_rows(config).to(table.device)]


def scale_texts() -> list[str]:
    """Every scale text that the library writes by itself: zooms 0 to 20, 2X, 4X, no reference."""
    return [
        scale_text(map_scale(zoom), factor)
        for zoom in ZOOMS
        for factor in CASCADE_FACTORS
        if factor is None or zoom >= factor.bit_length() - 1
    ]


def known_token_ids(texts: Iterable[str]) -> tuple[int, ...]:
    """Token ids that the texts use, in ascending order: the `known_tokens` of a cut vocabulary."""
    return tuple(int(token) for token in torch.unique(tokenize(list(texts))))
