"""SGDM's tensors in the LDM layout as ComfyUI's MODEL, CLIP and VAE.

ComfyUI knows architectures by the shapes of their tensors and would not know c2gm-mini, nor trust
a fine-tuned SD 2.1 to predict noise. So everything is built from the configuration in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import comfy.clip_model
import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.model_sampling
import comfy.sd
import comfy.sd1_clip
import comfy.supported_models_base
import comfy.utils
import numpy as np
import torch
from comfy.ldm.models.autoencoder import AutoencoderKL

from ..c2gm.errors import CheckpointError
from ..c2gm.legend import palette
from ..c2gm.models.config import SGDMConfig, UNetConfig
from ..c2gm.models.ldm_layout import TEXT, UNET, VAE
from ..c2gm.models.text import expand_vocabulary
from ..c2gm.models.vae import MiniVAE

Tensors = Mapping[str, torch.Tensor]

STABLE_DIFFUSION_WIDTH = 320  # of the U-Net for which ComfyUI's factor of memory is 1
SMALL_TOWER = 100_000_000  # parameters
SAMPLINGS = {
    "epsilon": comfy.model_sampling.EPS,
    "sample": comfy.model_sampling.X0,
    "v_prediction": comfy.model_sampling.V_PREDICTION,
}


def part(tensors: Tensors, prefix: str) -> dict[str, torch.Tensor]:
    """The tensors below a prefix, without it."""
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


# MODEL ------------------------------------------------------------------------------------------


class SGDMModel(comfy.model_base.BaseModel):
    """ComfyUI's U-Net with SGDM's prediction type and the draft as further input channels.

    The Apply node hands the draft over as `c_concat`; without that node it is zero.
    """

    def __init__(self, model_config: Any, prediction_type: str, device: Any = None) -> None:
        super().__init__(model_config, comfy.model_base.ModelType.EPS, device=device)

        class Sampling(comfy.model_sampling.ModelSamplingDiscrete, SAMPLINGS[prediction_type]):
            """Discrete timesteps with this prediction."""

        self.model_sampling = Sampling(model_config)

    def _apply_model(self, x: Any, t: Any, c_concat: Any = None, *args: Any, **kwargs: Any) -> Any:
        channels = self.model_config.unet_config["in_channels"] - x.shape[1]
        if c_concat is None and channels:
            c_concat = x.new_zeros(x.shape[0], channels, *x.shape[2:])
        return super()._apply_model(x, t, c_concat, *args, **kwargs)


class SGDMSupport(comfy.supported_models_base.BASE):
    """What ComfyUI asks of a kind of model; made from the configuration, never guessed."""

    def __init__(self, config: SGDMConfig, latent_format: comfy.latent_formats.LatentFormat):
        self.latent_format = lambda: latent_format
        self.unet_extra_config = {}
        self.prediction_type = config.prediction_type
        schedule = config.schedule
        self.sampling_settings = {
            "linear_start": schedule.beta_start,
            "linear_end": schedule.beta_end,
            "timesteps": schedule.timesteps,
        }
        self.memory_usage_factor = config.unet.widths[0] / STABLE_DIFFUSION_WIDTH
        super().__init__(unet_settings(config.unet))

    def get_model(self, state_dict: Any, prefix: str = "", device: Any = None) -> SGDMModel:
        """The U-Net, without weights."""
        return SGDMModel(self, self.prediction_type, device=device)


def unet_settings(config: UNetConfig) -> dict[str, Any]:
    """Arguments of ComfyUI's UNetModel.

    Raises:
        CheckpointError: ComfyUI's U-Net cannot have these widths or options.
    """
    first = config.widths[0]
    if any(width % first for width in config.widths):
        raise CheckpointError(
            f"U-Net widths {list(config.widths)} are no multiples of {first}, which ComfyUI's "
            "U-Net needs. Use this model with the command line."
        )
    if config.concat_reference or config.scale_in_time:
        raise CheckpointError(
            "This model takes the reference's latent or the scale in its time embedding (Eq. 8, "
            "Eq. 11), which these nodes do not hand over. Use it with the command line."
        )
    depths = [int(here) for here in config.attention]
    return {
        "image_size": 32,
        "in_channels": 4 + config.draft_channels,
        "out_channels": 4,
        "model_channels": first,
        "channel_mult": tuple(width // first for width in config.widths),
        "num_res_blocks": [config.blocks] * len(depths),
        "use_spatial_transformer": True,
        "transformer_depth": [depth for depth in depths for _ in range(config.blocks)],
        "transformer_depth_output": [depth for depth in depths for _ in range(config.blocks + 1)],
        "transformer_depth_middle": 1,
        "disable_self_attentions": list(config.only_cross_attention),
        "use_linear_in_transformer": True,
        "context_dim": config.context,
        "num_heads": -1,
        "num_head_channels": config.head_channels,
        "attn_precision": torch.float32,
        "legacy": False,
    }


def build_model(config: SGDMConfig, tensors: Tensors, dtype: torch.dtype | None) -> Any:
    """MODEL: the U-Net in a ModelPatcher.

    Raises:
        CheckpointError: ComfyUI cannot hold it.
    """
    management = comfy.model_management
    unet = part(tensors, UNET)
    load_device = management.get_torch_device()
    support = SGDMSupport(config, latent_format(config, tensors))
    parameters = sum(value.numel() for value in unet.values())
    choices = support.supported_inference_dtypes
    weight = dtype or management.unet_dtype(model_params=parameters, supported_dtypes=choices)
    support.set_inference_dtype(
        weight, management.unet_manual_cast(weight, load_device, supported_dtypes=choices)
    )
    model = support.get_model(unet, device=management.unet_inital_load_device(parameters, weight))
    model.diffusion_model.load_state_dict(unet, strict=True)
    return comfy.model_patcher.ModelPatcher(
        model, load_device=load_device, offload_device=management.unet_offload_device()
    )


def latent_format(config: SGDMConfig, tensors: Tensors) -> comfy.latent_formats.LatentFormat:
    """Scale of the latents, and the colours of previews while a sampler runs."""
    if config.vae.kind == "ldm":
        return comfy.latent_formats.SD15(config.vae.scaling_factor)
    made = comfy.latent_formats.LatentFormat()
    made.scale_factor = config.vae.scaling_factor
    made.latent_rgb_factors, made.latent_rgb_factors_bias = preview_factors(
        mini_vae(config, tensors), made.scale_factor
    )
    return made


def preview_factors(vae: MiniFirstStage, scale: float) -> tuple[list[list[float]], list[float]]:
    """The linear map from a latent to its colour that fits flat pictures of the legend best."""
    colours = torch.from_numpy(palette().astype(np.float32)) / 127.5 - 1
    flat = colours[:, :, None, None].expand(-1, -1, 64, 64)
    with torch.no_grad():
        latents = vae.encode(flat)[:, :, 3:5, 3:5].mean(dim=(2, 3)) * scale
    known = np.hstack([latents.numpy(), np.ones((len(latents), 1), dtype=np.float32)])
    factors = np.linalg.lstsq(known, colours.numpy(), rcond=1e-3)[0]
    return factors[:-1].tolist(), factors[-1].tolist()


# VAE --------------------------------------------------------------------------------------------


class MiniFirstStage(MiniVAE):
    """c2gm-mini's VAE with the interface of ComfyUI's first stages: encode gives the mean."""

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Latent [B,4,H/8,W/8] of pixels [-1,1] [B,3,H,W]."""
        return super().encode(pixels)[0]


class MiniComfyVAE(comfy.sd.VAE):
    """ComfyUI's VAE around c2gm-mini's, which its own class cannot build from tensors.

    A stand-in of the smallest size lets the base class set everything that it keeps, whatever
    its version; then the stand-in is replaced.
    """

    def __init__(self, first_stage: MiniFirstStage, dtype: torch.dtype | None) -> None:
        shape = {
            "double_z": True,
            "z_channels": 4,
            "resolution": 64,
            "in_channels": 3,
            "out_ch": 3,
            "ch": 32,
            "ch_mult": [1, 1, 1, 1],
            "num_res_blocks": 1,
            "attn_resolutions": [],
            "dropout": 0.0,
        }
        params = {"ddconfig": shape, "embed_dim": 4}
        stand_in = AutoencoderKL(**params).state_dict()
        super().__init__(sd=stand_in, config={"params": params}, dtype=dtype)
        self.first_stage_model = first_stage.eval().to(self.vae_dtype)
        self.patcher = comfy.model_patcher.ModelPatcher(
            self.first_stage_model,
            load_device=self.device,
            offload_device=self.patcher.offload_device,
        )
        self.size = None
        # Its widest layers are 64 channels at half a latent's pixels a side, times 4: 16 px each.
        per_latent = 16 * 64 * 6
        size_of = comfy.model_management.dtype_size
        self.memory_used_decode = lambda s, dtype: per_latent * s[2] * s[3] * size_of(dtype)
        self.memory_used_encode = lambda s, dtype: per_latent * s[2] * s[3] / 64 * size_of(dtype)


def mini_vae(config: SGDMConfig, tensors: Tensors) -> MiniFirstStage:
    """c2gm-mini's VAE with its weights, float32."""
    vae = MiniFirstStage(config.vae)
    vae.load_state_dict(part(tensors, VAE), strict=True)
    return vae.eval()


def build_vae(config: SGDMConfig, tensors: Tensors, dtype: torch.dtype | None) -> Any:
    """VAE, of Stable Diffusion's kind or c2gm-mini's."""
    dtype = None if dtype is torch.float16 else dtype  # its activations overflow in float16
    if config.vae.kind == "unshuffle":
        return MiniComfyVAE(mini_vae(config, tensors), dtype)
    widths = config.vae.widths
    shape = {
        "double_z": True,
        "z_channels": config.vae.latent_channels,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": widths[0],
        "ch_mult": [width // widths[0] for width in widths],
        "num_res_blocks": config.vae.blocks,
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    params = {"ddconfig": shape, "embed_dim": config.vae.latent_channels}
    return comfy.sd.VAE(sd=part(tensors, VAE), config={"params": params}, dtype=dtype)


# CLIP -------------------------------------------------------------------------------------------


def build_clip(config: SGDMConfig, tensors: Tensors, dtype: torch.dtype | None) -> Any:
    """CLIP: the text tower, read at its penultimate layer.

    A cut vocabulary is expanded to CLIP's own, so that ComfyUI's tokenizer fits.

    Raises:
        CheckpointError: ComfyUI's text model has other tensors.
    """
    text = config.text
    weights = part(tensors, TEXT)
    table = "token_embedding.weight"
    weights[table] = expand_vocabulary(weights[table], text)
    named = comfy.utils.clip_text_transformers_convert(
        {f"clip_h.{key}": value for key, value in weights.items()}, "clip_h.", "clip_h.transformer."
    )
    target = comfy.supported_models_base.ClipTarget(tokenizer_class(text.width), clip_class(config))
    parameters = sum(value.numel() for value in weights.values())
    if dtype is None and parameters < SMALL_TOWER:
        dtype = torch.float32  # ComfyUI would take float16, which saves nothing here
    options = {} if dtype is None else {"dtype": dtype}
    clip = comfy.sd.CLIP(target, parameters=parameters, tokenizer_data={}, model_options=options)
    missing, unexpected = clip.load_sd(named, full_model=True)
    if missing or unexpected:
        raise CheckpointError(
            f"The text tower does not fit ComfyUI's: {[*missing, *unexpected][0]}. "
            "Take the file from its maker again."
        )
    return clip


def tokenizer_class(width: int) -> type:
    """Open CLIP's tokenizer (padded with 0) for a text tower of a width."""

    class Tokens(comfy.sd1_clip.SDTokenizer):
        def __init__(self, embedding_directory: Any = None, tokenizer_data: Any = None) -> None:
            super().__init__(
                embedding_directory=embedding_directory,
                tokenizer_data=tokenizer_data or {},
                pad_with_end=False,
                embedding_size=width,
                embedding_key="clip_h",
            )

    class Tokenizer(comfy.sd1_clip.SD1Tokenizer):
        def __init__(self, embedding_directory: Any = None, tokenizer_data: Any = None) -> None:
            super().__init__(
                embedding_directory=embedding_directory,
                tokenizer_data=tokenizer_data or {},
                clip_name="h",
                tokenizer=Tokens,
            )

    return Tokenizer


def clip_class(config: SGDMConfig) -> type:
    """ComfyUI's text model at the widths of a configuration."""
    text = config.text

    class Tower(comfy.sd1_clip.SDClipModel):
        def __init__(self, device: Any = "cpu", dtype: Any = None, model_options: Any = None):
            super().__init__(
                device=device,
                dtype=dtype,
                layer="hidden",
                layer_idx=text.layers - 2,
                textmodel_json_config={
                    "hidden_act": "gelu",
                    "hidden_size": text.width,
                    "intermediate_size": 4 * text.width,
                    "num_attention_heads": text.heads,
                    "num_hidden_layers": text.layers,
                    "max_position_embeddings": text.context_length,
                    "vocab_size": 49408,
                    "eos_token_id": 49407,
                },
                special_tokens={"start": 49406, "end": 49407, "pad": 0},
                return_projected_pooled=True,
                model_options=model_options or {},
            )

    class Model(comfy.sd1_clip.SD1ClipModel):
        def __init__(self, device: Any = "cpu", dtype: Any = None, model_options: Any = None):
            super().__init__(
                device=device,
                dtype=dtype,
                model_options=model_options or {},
                clip_name="h",
                clip_model=Tower,
            )

    return Model
