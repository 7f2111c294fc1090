"""Preview Map, Compare Zooms, Recolour Map: what was drawn, to look at."""

from __future__ import annotations

from ..c2gm.errors import ConfigError
from ._api import Area, Imagery, Node, Tileset, io, node_schema
from .wording import checked

CATEGORY = "C2GM/look"
COMPARED = range(1, 6)


class PreviewMap(Node):
    """A slippy map of a tile set on the node."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMPreviewMap",
            display_name="Preview Map",
            category=CATEGORY,
            description=(
                "A map to pan and zoom on the node, zoom by zoom as it was drawn; with imagery, "
                "swipe and fade between the two."
            ),
            search_aliases=["slippy map", "viewer", "compare", "swipe"],
            is_output_node=True,
            inputs=[
                Tileset.Input("tileset", tooltip="The map to look at."),
                Imagery.Input(
                    "imagery",
                    optional=True,
                    tooltip="Lies under the map, to compare; costs nothing until you look at it.",
                ),
            ],
            outputs=[],
        )

    @classmethod
    def execute(cls, tileset, imagery=None):
        """Tell the page where the tiles are."""
        from .payloads import map_lines, map_payload

        told = map_payload(tileset, imagery)
        return io.NodeOutput(ui={"text": map_lines(told), "c2gm_map": [told]})


class CompareZooms(Node):
    """One ground several times, side by side."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMCompareZooms",
            display_name="Compare Zooms",
            category=CATEGORY,
            description=(
                "One picture of the same ground several times, side by side: the imagery, the "
                "zooms of a map, or maps that were drawn with other texts or settings."
            ),
            search_aliases=["side by side", "grid", "contact sheet"],
            inputs=[
                Tileset.Input(
                    "tileset",
                    optional=True,
                    tooltip="Shows every zoom of this map, or those below.",
                ),
                Area.Input(
                    "area", optional=True, tooltip="The ground to show, for tileset and imagery."
                ),
                Imagery.Input(
                    "imagery", optional=True, tooltip="Shows the imagery first, to judge the maps."
                ),
                *(
                    io.Image.Input(
                        f"image_{number}",
                        optional=True,
                        tooltip="A picture to show beside the others, like a map of Tile Stitch.",
                    )
                    for number in COMPARED
                ),
                io.String.Input(
                    "zooms",
                    default="",
                    placeholder="all zooms",
                    tooltip="Which zooms of tileset are shown, like 14,16,18. Empty: all.",
                ),
                io.String.Input(
                    "captions",
                    default="",
                    multiline=True,
                    dynamic_prompts=False,
                    placeholder="captions, one a line",
                    tooltip="What stands above the pictures, a line each. Empty: zoom and scale.",
                ),
                io.Int.Input(
                    "panel",
                    default=384,
                    min=64,
                    max=2048,
                    step=32,
                    tooltip="Width of each picture in pixels: more shows more detail.",
                ),
            ],
            outputs=[io.Image.Output(display_name="comparison")],
        )

    @classmethod
    def execute(cls, zooms, captions, panel, tileset=None, area=None, imagery=None, **images):
        """Draw."""
        from .comparing import Panel, imagery_panel, side_by_side, sized, zoom_panels
        from .pictures import from_image, to_image

        if area is None and not (tileset is None and imagery is None):
            raise ConfigError("Which ground? Connect an area: Pick Area.")
        panels = [] if imagery is None else [imagery_panel(imagery, area.bounds, panel)]
        if tileset is not None:
            panels += zoom_panels(tileset, area, zooms, panel)
        for number in COMPARED:
            image = images.get(f"image_{number}")
            if image is not None:
                panels.append(Panel(sized(from_image(image)[0], panel), f"picture {number}"))
        return io.NodeOutput(to_image([side_by_side(panels, captions)]))


class RecolourMap(Node):
    """A map in another palette."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        from ..c2gm.recolour import PALETTES

        return node_schema(
            node_id="C2GMRecolourMap",
            display_name="Recolour Map",
            category=CATEGORY,
            description=(
                "Draws a map in other colours: the classes are read back from the legend, and "
                "edges stay smooth. Nothing is painted anew."
            ),
            search_aliases=["palette", "night", "dark", "style", "colour blind", "recolor"],
            inputs=[
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="Maps in the house style, as they are drawn.",
                ),
                io.Combo.Input(
                    "palette",
                    options=list(PALETTES),
                    tooltip="The colours that a map gets where none are given below.",
                ),
                io.String.Input(
                    "colours",
                    default="",
                    multiline=True,
                    dynamic_prompts=False,
                    placeholder="water = #1a2b3c",
                    tooltip="Colours of your own, a class a line: water = #1a2b3c.",
                ),
                Tileset.Input(
                    "tileset",
                    optional=True,
                    tooltip="A whole map to recolour, every zoom of it, in place of images.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="map"),
                Tileset.Output(
                    display_name="tileset", tooltip="The map of tileset, in the new colours."
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, palette, colours):
        """Whether palette and colours are known."""
        from .recolouring import chosen_colours

        return checked(lambda: None in (palette, colours) or chosen_colours(palette, colours))

    @classmethod
    def fingerprint_inputs(cls, **_):
        """Changes when a job is deleted: the recoloured map may be gone."""
        from .jobs import DELETED

        return DELETED.count

    @classmethod
    def execute(cls, palette, colours, images=None, tileset=None):
        """Recolour."""
        from .map_nodes import one_of
        from .pictures import shown, to_image
        from .recolouring import (
            RECOLOURED_SHOWN,
            chosen_colours,
            finest_picture,
            recolour_images,
            recolour_payload,
            recolour_tileset,
        )

        one_of(images=images, tileset=tileset)
        chosen = chosen_colours(palette, colours)
        if tileset is None:
            made = _no_tileset()
        else:
            made = recolour_tileset(tileset, chosen, palette, _bar())
            images = to_image([finest_picture(tileset)])
        source = shown(images, cls, largest=RECOLOURED_SHOWN)["images"][0]
        told = {"c2gm_recolour": [recolour_payload(source, palette, colours)]}
        return io.NodeOutput(recolour_images(images, chosen), made, ui=told)


def _no_tileset():
    """In place of a tile set where pictures were given; says so if something is connected."""
    from comfy_execution.graph_utils import ExecutionBlocker

    return ExecutionBlocker("Recolour Map got pictures: connect a tileset to get a tileset.")


def _bar():
    """ComfyUI's progress bar, which raises when the user cancels."""
    import comfy.utils

    bar = comfy.utils.ProgressBar(1)
    return bar.update_absolute
