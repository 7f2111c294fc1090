"""Named architectures."""

from __future__ import annotations

from ..legend import FLAT_CLASSES
from .config import (
    Arm,
    MFEncoderConfig,
    SFAdapterConfig,
    SGDMConfig,
    TextConfig,
    UNetConfig,
    VAEConfig,
)

# CLIP token ids of every scale text: text.known_token_ids(text.scale_texts()). A model file keeps
# its own list, so a later change of the texts does not move a trained row.
# fmt: off
SCALE_TEXT_TOKENS = (
    0, 267, 268, 269, 270, 271, 272, 273, 274, 275, 276, 277, 278, 279, 280, 281, 332, 343, 531,
    537, 539, 541, 718, 836, 1002, 1295, 1305, 1452, 1605, 1759, 1783, 2012, 2029, 2157, 2307,
    2353, 2442, 2445, 2931, 2954, 3184, 3506, 3638, 3923, 4331, 4593, 4682, 4734, 4736, 4759,
    4960, 5429, 5879, 7620, 8227, 8406, 8673, 8866, 9832, 9977, 10214, 12702, 13241, 13909,
    14089, 14790, 19013, 37664, 39380, 49406, 49407,
)
# fmt: on

DRAFT_CELLS = 4  # 2 px: the width of the narrowest street


def sd21(arm: Arm = "ref_dual_spade") -> SGDMConfig:
    """SGDM on Stable Diffusion 2.1-base, as the authors have it."""
    return SGDMConfig(name="sd21", mf_encoder=MFEncoderConfig(arm=arm))


def tiny(arm: Arm = "ref_dual_spade") -> SGDMConfig:
    """The reduced model of the golden cases: sd21's layout, every width cut."""
    return SGDMConfig(
        name="tiny",
        mf_encoder=MFEncoderConfig(
            arm=arm, stem=8, widths=(16, 32, 64), spade_hidden=32, out_channels=48
        ),
        sf_adapter=SFAdapterConfig(channels=(32, 64, 96)),
        unet=UNetConfig(widths=(32, 64, 96, 96), head_channels=16, context=32),
        vae=VAEConfig(widths=(32, 64, 64, 64)),
        text=TextConfig(width=32, heads=2, layers=3, projection=32),
    )


def mini() -> SGDMConfig:
    """c2gm-mini: the same anatomy at small widths, predicting the clean latent."""
    return SGDMConfig(
        name="c2gm-mini",
        mf_encoder=MFEncoderConfig(
            unshuffle=4,
            stem=48,
            widths=(48, 64, 96),
            downsample=(True, False, False),
            spade_hidden=32,
            out_channels=128,
            norm="group",
            extra_residual_blocks=2,
            standardise=True,
            context_width=128,
            class_head=FLAT_CLASSES,
            fine_head=48,
            looks=5,
            draft_cells=DRAFT_CELLS,
        ),
        sf_adapter=SFAdapterConfig(channels=(64, 128, 128), control_factor=1.0),
        unet=UNetConfig(
            widths=(64, 128, 128),
            blocks=1,
            head_channels=32,
            context=128,
            attention=(True, True, True),
            only_cross_attention=(True, False, False),
            draft_channels=FLAT_CLASSES * DRAFT_CELLS**2,
        ),
        vae=VAEConfig(kind="unshuffle", widths=(64, 96), blocks=1, scaling_factor=1.0, finish=16),
        text=TextConfig(
            width=128,
            heads=4,
            layers=2,
            vocabulary=1024,
            projection=128,
            known_tokens=SCALE_TEXT_TOKENS,
        ),
        prediction_type="sample",
        default_sampler="ddim",
        default_steps=2,
        default_denoise=0.5,
        built_up_until=16,
        four_views_until=17,
        unreferenced_views=True,
    )


PRESETS = {"sd21": sd21, "tiny": tiny, "mini": mini}
