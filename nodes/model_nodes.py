"""Load SGDM, Scale Text Encode."""

from __future__ import annotations

from ._api import SGDM, Node, io, node_schema
from .files import (
    checkpoint_names,
    checkpoint_path,
    make_model_folder,
    model_names,
    model_path,
    stamp,
)
from .model_files import DTYPES, load_sgdm, model_lines
from .texts import FACTORS, NO_REFERENCE, compose_text, encode_text, factor_of
from .wording import checked

CATEGORY = "C2GM/model"
NO_BASE = "none"


class LoadSGDM(Node):
    """A model file as MODEL, CLIP, VAE and the parts of its own."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMLoadSGDM",
            display_name="Load SGDM",
            category=CATEGORY,
            description=(
                "A model that draws maps. c2gm-mini comes with this pack; other files go to "
                "models/sgdm, and a slim one stands on a Stable Diffusion 2.1-base checkpoint."
            ),
            search_aliases=["c2gm", "map model", "checkpoint"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=model_names(),
                    tooltip=(
                        "Which model draws. c2gm-mini is quick and comes with the pack; larger "
                        "ones draw better and go to models/sgdm or models/checkpoints."
                    ),
                ),
                io.Combo.Input(
                    "base",
                    options=[NO_BASE, *checkpoint_names()],
                    default=NO_BASE,
                    tooltip=(
                        "What a slim file stands on: Stable Diffusion 2.1-base. Others need none."
                    ),
                ),
                io.Combo.Input(
                    "dtype",
                    options=list(DTYPES),
                    default="auto",
                    tooltip=(
                        "16-bit numbers take half the memory and are quicker on graphics cards; "
                        "pictures differ slightly. auto is ComfyUI's choice."
                    ),
                ),
            ],
            outputs=[
                io.Model.Output(display_name="model"),
                io.Clip.Output(display_name="clip"),
                io.Vae.Output(display_name="vae"),
                SGDM.Output(display_name="sgdm"),
            ],
        )

    @classmethod
    def validate_inputs(cls, file, base):
        """Whether the files may be read."""
        return checked(
            lambda: file is None or model_path(file),
            lambda: base in (None, NO_BASE) or checkpoint_path(base),
        )

    @classmethod
    def fingerprint_inputs(cls, file, base, **_):
        """Changes when a file does."""
        paths = [model_path(file)] + ([] if base == NO_BASE else [checkpoint_path(base)])
        return [stamp(path) for path in paths]

    @classmethod
    def execute(cls, file, base, dtype):
        """Load."""
        make_model_folder()
        below = None if base == NO_BASE else checkpoint_path(base)
        sgdm = load_sgdm(model_path(file), below, dtype)
        told = {"text": model_lines(sgdm)}
        return io.NodeOutput(sgdm.model, sgdm.clip, sgdm.vae, sgdm, ui=told)


class ScaleTextEncode(Node):
    """The sentence that tells the model which map scale to draw."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMScaleTextEncode",
            display_name="Scale Text Encode",
            category=CATEGORY,
            description="Tells the model which zoom and map scale to draw.",
            search_aliases=["map scale", "prompt", "zoom"],
            inputs=[
                io.Clip.Input("clip", tooltip="Reads the sentence: CLIP of Load SGDM."),
                io.Int.Input(
                    "zoom",
                    default=16,
                    min=0,
                    max=20,
                    tooltip="How much is drawn: low zooms show quarters, high ones houses.",
                ),
                io.Combo.Input(
                    "cascade_factor",
                    options=[*FACTORS, NO_REFERENCE],
                    tooltip=(
                        "How coarse the map is that this zoom follows; none: drawn from nothing."
                    ),
                ),
                io.String.Input(
                    "resolution",
                    default="",
                    placeholder="of the zoom",
                    tooltip=(
                        "Changes what the model believes a pixel covers: metres at the equator. "
                        "Empty: the zoom's own value."
                    ),
                ),
                io.String.Input(
                    "map_scale",
                    default="",
                    placeholder="of the zoom",
                    tooltip=(
                        "Changes how much is left out: 1:35000 draws a few broad things, 1:2000 "
                        "every house. Empty: the zoom's own value."
                    ),
                ),
                io.String.Input(
                    "examples",
                    default="",
                    placeholder="of the zoom",
                    tooltip=(
                        "Pulls the drawing to such things, like: street. Empty: the zoom's own."
                    ),
                ),
                io.String.Input(
                    "free_text",
                    default="",
                    multiline=True,
                    dynamic_prompts=False,
                    placeholder="free text in place of the sentence",
                    tooltip="Replaces the whole sentence. Empty: the sentence of the fields above.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="conditioning"),
                io.String.Output(display_name="text"),
            ],
        )

    @classmethod
    def execute(cls, clip, zoom, cascade_factor, resolution, map_scale, examples, free_text):
        """Write the sentence and encode it."""
        text = compose_text(
            zoom,
            factor_of(cascade_factor),
            resolution=resolution,
            denominator=map_scale,
            examples=examples,
            free_text=free_text,
        )
        return io.NodeOutput(encode_text(clip, text), text, ui={"text": [text]})
