"""Vectorize: a map's areas and roads as vectors, for a geographic information system."""

from __future__ import annotations

from ._api import Area, Node, Tileset, io, node_schema
from .files import VECTORS
from .wording import checked, counted


class Vectorize(Node):
    """Writes a map's areas and road centre lines to the output folder."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMVectorize",
            display_name="Vectorize",
            category="C2GM/map",
            description=(
                "Traces a zoom of a map: areas that share their borders, and roads as centre "
                "lines, each with its class. Writes a file to output/c2gm that QGIS opens."
            ),
            search_aliases=["vector", "geojson", "geopackage", "polygons", "trace", "gis"],
            is_output_node=True,
            inputs=[
                Tileset.Input("tileset", tooltip="The map to trace, in the house style."),
                Area.Input(
                    "area", optional=True, tooltip="Traces this ground alone; else the whole map."
                ),
                io.Int.Input(
                    "zoom",
                    default=18,
                    min=0,
                    max=20,
                    tooltip="Which zoom is traced: high ones have houses, low ones broad areas.",
                ),
                io.String.Input(
                    "name", default="map", tooltip="What the file is called in output/c2gm."
                ),
                io.Combo.Input(
                    "format",
                    options=list(VECTORS),
                    tooltip=(
                        "GeoJSON opens everywhere; GeoPackage is smaller, with areas and lines "
                        "apart, and needs the package pyogrio."
                    ),
                ),
            ],
            outputs=[],
        )

    @classmethod
    def validate_inputs(cls, name, format):
        """Whether the file may be written."""
        from .vectors import vector_path

        return checked(lambda: None in (name, format) or vector_path(name, format))

    @classmethod
    def execute(cls, tileset, zoom, name, format, area=None):
        """Trace, and write."""
        from .vectors import vector_path, vectorize

        path = vector_path(name, format)
        areas, lines = vectorize(tileset, zoom, area, path)
        told = [
            f"{counted(areas, 'area')} and {counted(lines, 'line')} of zoom {zoom}",
            f"written to output/c2gm/{path.name}",
        ]
        return io.NodeOutput(ui={"text": told})
