"""Cascade Sampler: the whole pyramid in one node, by ComfyUI's own samplers."""

from __future__ import annotations

from ._api import SGDM, Area, Imagery, Node, Tileset, io, map_outputs, node_schema
from .feature_nodes import start_and_end
from .texts import FACTORS, factor_of

CATEGORY = "C2GM/sampling"
TEXT_ZOOMS = range(14, 19)


class CascadeSampler(Node):
    """Draws every zoom of an area, each from a coarser one."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        import comfy.samplers

        from ..c2gm.cascade.settings import EDGES

        return node_schema(
            node_id="C2GMCascadeSampler",
            display_name="Cascade Sampler",
            category=CATEGORY,
            description=(
                "Draws the map pyramid of an area, seamless and zoom by zoom. A cancelled run is "
                "kept under output/c2gm/jobs, and the same settings go on with it."
            ),
            search_aliases=["map pyramid", "tiles", "generate map"],
            is_output_node=True,
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
            inputs=[
                io.Model.Input(
                    "model", tooltip="What draws: MODEL of Load SGDM, with or without LoRA."
                ),
                io.Clip.Input("clip", tooltip="Reads the scale texts: CLIP of Load SGDM."),
                io.Vae.Input("vae", tooltip="Turns latents into pictures: VAE of Load SGDM."),
                SGDM.Input("sgdm", tooltip="Reads imagery and map: SGDM of Load SGDM."),
                Imagery.Input("imagery", tooltip="What the map is drawn from."),
                Area.Input("area", tooltip="Where, and at which zooms."),
                io.Combo.Input(
                    "sampler_name",
                    options=list(comfy.samplers.SAMPLER_NAMES),
                    default="euler",
                    tooltip="How noise is taken away; euler is what the models were tested with.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=list(comfy.samplers.SCHEDULER_NAMES),
                    default="simple",
                    tooltip=(
                        "Where the steps lie; simple begins at the very noisiest, as it must be."
                    ),
                ),
                io.Int.Input(
                    "steps",
                    default=4,
                    min=1,
                    max=1000,
                    tooltip=(
                        "More steps take longer. c2gm-mini needs 2, or 4 with denoise 1; larger "
                        "models 20 or more."
                    ),
                ),
                io.Float.Input(
                    "cfg",
                    default=1.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip=(
                        "1 is quickest. More follows the text and "
                        "takes twice as long; keep below 3."
                    ),
                ),
                io.Int.Input(
                    "seed",
                    default=1,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=False,
                    tooltip=(
                        "Another seed draws other details wherever the imagery leaves a choice."
                    ),
                ),
                io.Combo.Input(
                    "cascade_factor",
                    options=list(FACTORS),
                    tooltip=(
                        "How far each zoom looks up: 4X follows the map two zooms coarser, 2X one."
                    ),
                ),
                io.Combo.Input(
                    "edges",
                    options=list(EDGES),
                    tooltip="exact gives the same tiles whatever area is drawn; open is quicker.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=10.0,
                    step=0.01,
                    tooltip=(
                        "How closely the map follows imagery and coarser zooms; 1 is as trained."
                    ),
                ),
                *start_and_end(),
                Tileset.Input(
                    "start_tileset",
                    optional=True,
                    tooltip="A map to continue from. Zooms of the area below it are left out.",
                ),
                *(
                    io.String.Input(
                        f"text_{zoom}",
                        optional=True,
                        force_input=True,
                        tooltip=f"Scale text of zoom {zoom}, of Scale Text Encode.",
                    )
                    for zoom in TEXT_ZOOMS
                ),
                io.Int.Input(
                    "batch",
                    default=0,
                    min=0,
                    max=64,
                    optional=True,
                    tooltip=(
                        "Windows drawn at once: more is quicker on a graphics card and takes more "
                        "memory. 0: four on the processor, eight on a graphics card. Another "
                        "batch is another job: last bits differ."
                    ),
                ),
                io.Int.Input(
                    "max_tiles",
                    default=100_000,
                    min=1,
                    max=100_000_000,
                    optional=True,
                    tooltip="A larger map is not begun: allow it here, when you mean it.",
                ),
                io.Float.Input(
                    "denoise",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    round=0.01,
                    optional=True,
                    tooltip=(
                        "1 draws from noise alone, as scale texts of your own want it. Less starts "
                        "from what was read in the imagery. 0: as the model was made for."
                    ),
                ),
            ],
            outputs=map_outputs(),
        )

    @classmethod
    def fingerprint_inputs(cls, **_):
        """Changes when a job is deleted: the map that was drawn before may be gone."""
        from .jobs import DELETED

        return DELETED.count

    @classmethod
    def execute(cls, model, clip, vae, sgdm, imagery, area, seed, cascade_factor, edges, **more):
        """Draw, or go on with a cancelled run."""
        from ..c2gm.cascade.settings import GenerateSettings
        from .cascade import draw_map, last_picture
        from .graph import graph_hash
        from .map_model import ComfyMapModel, SamplerChoice
        from .payloads import map_lines, map_payload
        from .pictures import to_image

        start = more.pop("start_tileset", None)
        texts = {zoom: text for zoom in TEXT_ZOOMS if (text := more.pop(f"text_{zoom}", None))}
        graph = graph_hash(cls.hidden.prompt, cls.hidden.unique_id)
        batch, max_tiles = more.pop("batch", 0), more.pop("max_tiles", 100_000)
        denoise = more.pop("denoise", 0.0) or sgdm.config.default_denoise
        choice = SamplerChoice(**more, denoise=denoise)
        painter = ComfyMapModel(model, clip, vae, sgdm, choice=choice, graph=graph, batch=batch)
        settings = GenerateSettings(
            zooms=area.zooms,
            bounds=area.bounds,
            cascade_factor=factor_of(cascade_factor),
            seed=seed,
            edges=edges,
            interpolation=sgdm.config.interpolation,
            texts=texts,
            max_tiles=max_tiles,
        )
        drawn = draw_map(imagery, painter, settings, start, node_id=str(cls.hidden.unique_id))
        picture = to_image([last_picture(drawn.path, area)])
        told = map_payload(drawn.path, imagery)
        # No picture: the last preview of the run stays on the node, and Vue nodes showed both.
        looks = {"text": [drawn.line, *map_lines(told)], "c2gm_map": [told]}
        return io.NodeOutput(drawn.path, picture, ui=looks)
