"""Repaint: correct a zoom of a map in the mask editor, and draw what depends on it again."""

from __future__ import annotations

from ._api import SGDM, Area, Imagery, Node, Tileset, io, map_outputs, node_schema
from .files import stamp
from .wording import checked

NOTHING_YET = (
    "Nothing is edited yet: press Paint on the map, paint and save there, then queue again."
)


class Repaint(Node):
    """Draws again what depends on an edit of one zoom."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        from ..c2gm.legend import FLAT_CLASSES, LEGEND

        return node_schema(
            node_id="C2GMRepaint",
            display_name="Repaint",
            category="C2GM/sampling",
            description=(
                "Shows one zoom of a map to paint on, in ComfyUI's mask and paint editor, and "
                "draws again exactly the tiles that depend on what you changed."
            ),
            search_aliases=["edit map", "correct", "inpaint", "mask editor", "paint"],
            is_output_node=True,
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            inputs=[
                io.Model.Input("model", tooltip="What draws: the MODEL that drew the map."),
                io.Clip.Input("clip", tooltip="Reads the scale texts: the CLIP of the map."),
                io.Vae.Input("vae", tooltip="Turns latents into pictures: the VAE of the map."),
                SGDM.Input("sgdm", tooltip="Reads imagery and map: the SGDM of the map."),
                Imagery.Input("imagery", tooltip="What the map was drawn from."),
                Tileset.Input("tileset", tooltip="The map to correct, of the Cascade Sampler."),
                io.Int.Input(
                    "zoom",
                    default=16,
                    min=0,
                    max=20,
                    tooltip=(
                        "Which zoom you correct: finer zooms follow it, coarser ones stay as "
                        "they are."
                    ),
                ),
                io.String.Input(
                    "image",
                    default="",
                    placeholder="painted in the mask editor",
                    tooltip=(
                        "What you painted: the mask editor fills this in. Brush strokes become the "
                        "nearest colour of the legend. Empty: no edit."
                    ),
                ),
                io.Combo.Input(
                    "fill",
                    options=[entry.name for entry in LEGEND[:FLAT_CLASSES]],
                    default="water",
                    tooltip="What masked ground becomes.",
                ),
                io.Image.Input(
                    "edited",
                    optional=True,
                    tooltip="The picture of this node edited elsewhere; counts where it differs.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Becomes the class of fill, as a mask of the editor does.",
                ),
                Area.Input(
                    "area",
                    optional=True,
                    tooltip="Shows just this ground to paint on; without it, all of the zoom.",
                ),
                Tileset.Input(
                    "start_tileset",
                    optional=True,
                    tooltip="The map that this one was continued from, if it was.",
                ),
            ],
            outputs=map_outputs(),
        )

    @classmethod
    def validate_inputs(cls, image, fill):
        """Whether the edit may be read and the class is known."""
        from .edits import checked_fill, edit_path

        return checked(
            lambda: not (image or "").strip() or edit_path(image),
            lambda: fill is None or checked_fill(fill),
        )

    @classmethod
    def fingerprint_inputs(cls, image="", **_):
        """Changes when the edit does, or when a job is deleted: the map may be gone."""
        from .edits import edit_path
        from .jobs import DELETED

        return [DELETED.count, stamp(edit_path(image)) if (image or "").strip() else None]

    @classmethod
    def execute(cls, model, clip, vae, sgdm, imagery, tileset, zoom, image, fill, **more):
        """Draw again what depends on the edit; without one, show what can be edited."""
        from .cascade import last_picture
        from .edits import read_edit
        from .graph import graph_hash
        from .map_model import ComfyMapModel
        from .payloads import map_lines, map_payload
        from .pictures import mask_of, picture_of, to_image
        from .repainting import area_of_map, repaint_map

        start, edited, mask = (more.get(name) for name in ("start_tileset", "edited", "mask"))
        drawn_on = read_edit(
            tileset,
            zoom,
            more.get("area"),
            image=image,
            fill=fill,
            edited=None if edited is None else picture_of(edited),
            mask=None if mask is None else mask_of(mask),
        )
        path, line = tileset, NOTHING_YET
        if drawn_on.edit.tiles:
            graph = graph_hash(cls.hidden.prompt, cls.hidden.unique_id)
            drawn = repaint_map(
                imagery,
                lambda choice, batch: ComfyMapModel(
                    model, clip, vae, sgdm, choice=choice, graph=graph, batch=batch
                ),
                tileset,
                drawn_on.edit,
                start,
                node_id=str(cls.hidden.unique_id),
            )
            path, line = drawn.path, drawn.line
        told = map_payload(path, imagery)
        picture = to_image([last_picture(path, area_of_map(path, imagery))])
        looks = {"text": [line, *map_lines(told)], "c2gm_map": [told]}
        return io.NodeOutput(path, picture, ui={**cls._to_edit(image, drawn_on.shown), **looks})

    @classmethod
    def _to_edit(cls, image, shown):
        """The picture for the mask editor: what was painted there last, with its layers, else the
        map, pixel by pixel.
        """
        from .edits import MAX_SIDE, edit_path
        from .files import input_folder
        from .pictures import shown as shown_on_node
        from .pictures import to_image

        if not image.strip():
            return shown_on_node(to_image([shown]), cls, largest=MAX_SIDE)
        path = edit_path(image)
        folder = path.parent.relative_to(input_folder().resolve()).as_posix()
        place = {"filename": path.name, "subfolder": "" if folder == "." else folder}
        return {"images": [{**place, "type": "input"}]}
