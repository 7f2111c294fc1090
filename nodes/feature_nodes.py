"""Cascade Reference Encode, MFEncoder + SFAdapter Apply."""

from __future__ import annotations

from ._api import SGDM, Area, Node, Tileset, io, node_schema
from .texts import FACTORS, factor_of
from .wording import counted

CATEGORY = "C2GM/model"


def start_and_end():
    """The two inputs that say in which part of the sampling the features steer."""
    return [
        io.Float.Input(name, default=default, min=0.0, max=1.0, step=0.01, tooltip=tooltip)
        for name, default, tooltip in (
            ("start", 0.0, "Above 0 the text alone lays out the map before the imagery steers."),
            ("end", 1.0, "Below 1 the last details are drawn without the imagery."),
        )
    ]


class CascadeReferenceEncode(Node):
    """References of an area's windows: the coarser map, enlarged."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        from ..c2gm.references import INTERPOLATIONS

        return node_schema(
            node_id="C2GMCascadeReferenceEncode",
            display_name="Cascade Reference Encode",
            category=CATEGORY,
            description=(
                "Cuts the reference of every window out of the coarser map: a stitched picture of "
                "the same area at the parent zoom, or a tile set that holds that zoom."
            ),
            search_aliases=["parent map", "enlarge"],
            inputs=[
                io.Image.Input(
                    "map_image",
                    optional=True,
                    tooltip=(
                        "The coarser map that the windows follow: Tile Stitch of the same area."
                    ),
                ),
                Tileset.Input(
                    "tileset", optional=True, tooltip="A map that holds the coarser zoom, instead."
                ),
                Area.Input("area", tooltip="The area whose windows need references."),
                io.Int.Input(
                    "zoom",
                    default=18,
                    min=0,
                    max=20,
                    tooltip="The zoom that is drawn; the map comes from one or two zooms below.",
                ),
                io.Combo.Input(
                    "cascade_factor",
                    options=list(FACTORS),
                    tooltip="4X follows a map two zooms coarser, 2X one zoom coarser.",
                ),
                io.Combo.Input(
                    "interpolation",
                    options=list(INTERPOLATIONS),
                    default="bilinear",
                    tooltip=(
                        "How the map is enlarged; the models know bilinear, others blur or step."
                    ),
                ),
            ],
            outputs=[io.Image.Output(display_name="reference windows")],
        )

    @classmethod
    def execute(cls, area, zoom, cascade_factor, interpolation, map_image=None, tileset=None):
        """Cut the references."""
        import numpy as np

        from ..c2gm.grid import WINDOW_SIZE
        from .map_nodes import one_of
        from .pictures import from_image, to_image
        from .references import window_references

        if map_image is None and tileset is None:
            told = {"text": ["No map is connected: the windows are drawn from nothing."]}
            return io.NodeOutput(to_image([np.zeros((WINDOW_SIZE, WINDOW_SIZE, 3))])[:0], ui=told)
        one_of(map_image=map_image, tileset=tileset)
        source = tileset if map_image is None else from_image(map_image)[0]
        references = window_references(
            source, area, zoom, factor=factor_of(cascade_factor), interpolation=interpolation
        )
        told = [f"{counted(len(references), 'reference')}, enlarged {cascade_factor}"]
        return io.NodeOutput(to_image(references), ui={"text": told})


class ApplyFeatures(Node):
    """Steers a MODEL by imagery and reference."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMApplyFeatures",
            display_name="MFEncoder + SFAdapter Apply",
            category=CATEGORY,
            description=(
                "Reads imagery and reference windows into features and adds them to the U-Net at "
                "six places. Sample the latents of the same windows with the resulting MODEL. "
                "Windows are read one by one; the Cascade Sampler lets neighbours share what is "
                "read."
            ),
            search_aliases=["controlnet", "adapter", "steer"],
            inputs=[
                io.Model.Input(
                    "model", tooltip="What draws: MODEL of Load SGDM, LoRA before or after."
                ),
                SGDM.Input("sgdm", tooltip="Reads imagery and map: SGDM of the same Load SGDM."),
                io.Image.Input(
                    "imagery", tooltip="What the map follows: imagery windows of the Windows node."
                ),
                io.Image.Input(
                    "reference",
                    optional=True,
                    tooltip=(
                        "The coarser map to agree with, of Cascade Reference Encode; or nothing."
                    ),
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip=(
                        "How closely the map follows imagery and reference; 0 leaves MODEL as is."
                    ),
                ),
                *start_and_end(),
                io.Int.Input(
                    "zoom",
                    default=0,
                    min=0,
                    max=20,
                    optional=True,
                    tooltip=(
                        "Zoom of the windows, so that they are read as windows of it are; 0: "
                        "not told."
                    ),
                ),
                io.Int.Input(
                    "look",
                    default=0,
                    min=0,
                    max=20,
                    optional=True,
                    tooltip=(
                        "Zoom that the scale text names, where it is another than that of the "
                        "windows: what is read then looks like maps of it; 0: that of the windows."
                    ),
                ),
            ],
            outputs=[
                io.Model.Output(display_name="steered model"),
                io.Image.Output(
                    display_name="reading",
                    tooltip=(
                        "What was read in the imagery, in the legend's flat colours. Encode it by "
                        "the VAE and sample on top of it with half the noise."
                    ),
                ),
            ],
        )

    @classmethod
    def execute(cls, model, sgdm, imagery, strength, start, end, reference=None, zoom=0, look=0):
        """Encode and patch."""
        from .features import apply_features, encode_features
        from .memory import memory_lines, memory_told, smaller_area

        grid, look = zoom or None, look or zoom or None
        with memory_told(lambda: smaller_area(len(imagery), sgdm.encoder.load_device)):
            features, were_kept = sgdm.kept.get(
                imagery,
                reference,
                lambda: encode_features(sgdm, imagery, reference, grid, look),
                grid,
                look,
            )
        patched = apply_features(
            model, sgdm.config, features, strength=strength, start=start, end=end
        )
        lines = memory_lines(patched, imagery)
        if were_kept:
            lines.append("features of an earlier run are used again")
        return io.NodeOutput(patched, _reading(features), ui={"text": lines})


def _reading(features):
    """What was read as an IMAGE; what hangs on it does not run where a model reads no classes."""
    from comfy_execution.graph import ExecutionBlocker

    from .features import reading_image

    if features.classes is None:
        return ExecutionBlocker("This model reads no classes. Sample its empty latents instead.")
    return reading_image(features.classes)
