"""Preview Map: what was drawn, to look at."""

from __future__ import annotations

from ._api import Imagery, Node, Tileset, io, node_schema

CATEGORY = "C2GM/look"


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
