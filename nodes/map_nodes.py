"""Tile Stitch, Load Tileset, Save Tileset: pictures of windows to maps, and maps to files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..c2gm.errors import ConfigError
from ._api import Area, Node, Tileset, io, node_schema
from .files import output_folder, safe_path, stamp, tileset_names, tileset_path
from .wording import checked, counted

if TYPE_CHECKING:
    from ..c2gm.tilesets.recode import Recoding

CATEGORY = "C2GM/map"
GEOTIFFS = "GeoTIFF a zoom"
FORMATS = {"MBTiles": ".mbtiles", "XYZ folder": "", "PMTiles": ".pmtiles", GEOTIFFS: ".tif"}
AS_DRAWN = "as drawn"
PICTURES: dict[str, dict[str, Any]] = {
    AS_DRAWN: {},
    "lossless WebP": {"coding": "webp"},
    "one palette": {"palette": True},
}


class TileStitch(Node):
    """One picture of an area at a zoom."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMTileStitch",
            display_name="Tile Stitch",
            category=CATEGORY,
            description=(
                "Feathers the pictures of an area's windows into one map without seams, or shows "
                "a zoom of a tile set."
            ),
            search_aliases=["blend", "mosaic", "feather", "geotiff", "legend", "scale bar"],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            inputs=[
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="What is joined: decoded windows, all of the area, in their order.",
                ),
                Tileset.Input(
                    "tileset", optional=True, tooltip="A map to show, in place of the windows."
                ),
                Area.Input(
                    "area",
                    tooltip="Which ground the picture shows; for windows, the area they are of.",
                ),
                io.Int.Input(
                    "zoom",
                    default=16,
                    min=0,
                    max=20,
                    tooltip="How fine the picture is: each zoom more has four times the pixels.",
                ),
                io.Int.Input(
                    "overlap",
                    default=64,
                    min=0,
                    max=64,
                    step=64,
                    tooltip="64 blends neighbouring windows without a seam; 0 is for plain tiles.",
                ),
                io.String.Input(
                    "file",
                    default="",
                    optional=True,
                    placeholder="no file",
                    tooltip=(
                        "Also writes the map to output/c2gm, like town.tif: a GeoTIFF that QGIS "
                        "puts in its place, of any size; or a .png."
                    ),
                ),
                *(
                    io.Boolean.Input(name, default=False, optional=True, tooltip=tooltip)
                    for name, tooltip in (
                        ("legend", "Shows the classes and their colours below the sheet."),
                        ("scale_bar", "Shows a length on the ground below the sheet."),
                        ("credit", "Shows whose imagery it is, and that the map is generated."),
                    )
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="map", tooltip="The map alone, as the next stage takes it."
                ),
                io.Image.Output(
                    display_name="sheet", tooltip="The map with legend, scale bar and credit."
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, file=""):
        """Whether the file may be written."""
        from .sheets import file_path

        return checked(lambda: file_path(file or ""))

    @classmethod
    def execute(cls, area, zoom, overlap, images=None, tileset=None, file="", **foot):
        """Stitch, and write."""
        from .pictures import from_image, to_image, workflow_texts
        from .sheets import Foot, file_path, sheet_of_picture, sheet_of_tileset
        from .stitching import stitch_tiles, stitch_windows

        one_of(images=images, tileset=tileset)
        credit = "" if foot.pop("credit", False) else None
        asked = {
            "foot": Foot(**foot, credit=credit),
            "file": file_path(file),
            "texts": workflow_texts(cls),
        }
        if images is None:
            made = sheet_of_tileset(tileset, area, zoom, **asked)
        else:
            stitch = stitch_windows if overlap else stitch_tiles
            made = sheet_of_picture(stitch(from_image(images), area, zoom), area, zoom, **asked)
        return io.NodeOutput(
            to_image([made.picture]), to_image([made.sheet]), ui={"text": made.lines}
        )


class LoadTileset(Node):
    """A tile set of the output or input folder."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMLoadTileset",
            display_name="Load Tileset",
            category=CATEGORY,
            description="A map pyramid from a file: MBTiles, PMTiles, or a folder z/x/y.",
            search_aliases=["mbtiles", "pmtiles", "xyz"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=tileset_names(),
                    tooltip="Which map: one of output/c2gm, or of the input folder (input/…).",
                )
            ],
            outputs=[Tileset.Output(display_name="tileset")],
        )

    @classmethod
    def validate_inputs(cls, file):
        """Whether the tile set may be read."""
        return checked(lambda: file is None or tileset_path(file))

    @classmethod
    def fingerprint_inputs(cls, file):
        """Changes when the file does."""
        return stamp(tileset_path(file))

    @classmethod
    def execute(cls, file):
        """Check that it is a tile set, and pass its path on."""
        from ..c2gm.tilesets.open import open_tileset
        from .payloads import map_lines, map_payload

        path = tileset_path(file)
        open_tileset(path).close()
        return io.NodeOutput(path, ui={"text": map_lines(map_payload(path, None))})


class SaveTileset(Node):
    """Writes a stitched map or a tile set to the output folder."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMSaveTileset",
            display_name="Save Tileset",
            category=CATEGORY,
            description=(
                "Writes a map to output/c2gm: a stitched picture of one zoom, or a whole tile "
                "set. A map of the same name that C2GM made is replaced."
            ),
            search_aliases=["export", "mbtiles", "pmtiles", "xyz", "geotiff", "cog"],
            is_output_node=True,
            inputs=[
                io.Image.Input(
                    "map_image",
                    optional=True,
                    tooltip="One zoom to save: a picture of Tile Stitch.",
                ),
                Tileset.Input(
                    "tileset", optional=True, tooltip="A whole map to save, in its place."
                ),
                Area.Input(
                    "area",
                    optional=True,
                    tooltip="Where on Earth the picture lies: the area it was stitched for.",
                ),
                io.Int.Input(
                    "zoom",
                    default=16,
                    min=0,
                    max=20,
                    tooltip="The zoom that the picture was stitched at.",
                ),
                io.String.Input(
                    "name", default="map", tooltip="What the map is called in output/c2gm."
                ),
                io.Combo.Input(
                    "format",
                    options=list(FORMATS),
                    tooltip=(
                        "MBTiles is one file that QGIS opens, PMTiles one file for web sites; XYZ "
                        "is a folder of pictures; GeoTIFF a file for each zoom, cloud-optimized."
                    ),
                ),
                io.Combo.Input(
                    "pictures",
                    options=list(PICTURES),
                    default=AS_DRAWN,
                    optional=True,
                    tooltip=(
                        "Smaller files: WebP keeps every pixel in two thirds of the size; one "
                        "palette of 255 colours is smallest and changes pixels a little."
                    ),
                ),
                io.Boolean.Input(
                    "quiet_colours",
                    default=False,
                    optional=True,
                    tooltip=(
                        "Smaller files: what is within 3 levels of a legend colour takes it, so "
                        "that plain ground is plain."
                    ),
                ),
            ],
            outputs=[Tileset.Output(display_name="tileset")],
        )

    @classmethod
    def validate_inputs(cls, name, format):
        """Whether the name stays in the output folder."""
        return checked(lambda: None in (name, format) or save_path(name, format))

    @classmethod
    def execute(
        cls,
        zoom,
        name,
        format,
        map_image=None,
        tileset=None,
        area=None,
        pictures=AS_DRAWN,
        quiet_colours=False,
    ):
        """Write, and pass the path on."""
        from ..c2gm.tilesets.export import export_tileset
        from ..c2gm.tilesets.recode import Recoding
        from .pictures import from_image
        from .stitching import save_picture

        one_of(map_image=map_image, tileset=tileset)
        if pictures not in PICTURES:
            raise ConfigError(f"Pictures {pictures!r} are not one of {', '.join(PICTURES)}.")
        recoding = Recoding(**PICTURES[pictures], quiet_colours=quiet_colours)
        path = save_path(name, format)
        if format == GEOTIFFS:
            told = save_geotiffs(tileset, path, recoding)
            return io.NodeOutput(tileset, ui={"text": [told]})
        check_ours(path)
        if tileset is not None:
            count = export_tileset(tileset, path, overwrite=True, recoding=recoding)
        elif area is None:
            raise ConfigError("A picture needs the area it shows: connect Pick Area.")
        elif recoding.keeps_bytes:
            count = save_picture(from_image(map_image)[0], area, zoom, path)
        else:
            with TemporaryDirectory() as folder:
                plain = Path(folder) / path.with_suffix(".mbtiles").name
                save_picture(from_image(map_image)[0], area, zoom, plain)
                count = export_tileset(plain, path, overwrite=True, recoding=recoding)
        return io.NodeOutput(
            path, ui={"text": [f"{counted(count, 'tile')} in output/c2gm/{path.name}"]}
        )


def one_of(**choices: object) -> None:
    """Refuse both or none of two inputs.

    Raises:
        ConfigError: not exactly one is connected.
    """
    given = [name for name, value in choices.items() if value is not None]
    if len(given) != 1:
        raise ConfigError(f"Connect one of {' and '.join(choices)}, not {len(given) or 'none'}.")


def save_path(name: str, kind: str) -> Path:
    """Where a map of a name is written.

    Raises:
        ConfigError: the name leads out of the output folder, or the kind is unknown.
    """
    if kind not in FORMATS:
        raise ConfigError(f"Format {kind!r} is not one of {', '.join(FORMATS)}.")
    plain, suffix = name.strip().rstrip("/"), FORMATS[kind]
    safe_path(plain, output_folder())
    return safe_path(plain if plain.endswith(suffix) else plain + suffix, output_folder())


def save_geotiffs(tileset: Path | None, path: Path, recoding: Recoding) -> str:
    """Write a map as one GeoTIFF a zoom; returns what was written, in words.

    Raises:
        C2GMError: it is a picture, or a file that C2GM did not write has such a name.
    """
    from ..c2gm.tilesets.cog import export_cogs

    if tileset is None:
        raise ConfigError(
            "A picture becomes a GeoTIFF by the field file of Tile Stitch. Connect a tileset here, "
            "or choose another format."
        )
    files = export_cogs(tileset, path, recoding=recoding, overwrite=True)
    return f"{', '.join(file.name for file in files)} in output/c2gm"


def check_ours(path: Path) -> None:
    """Refuse to replace a file or folder that C2GM did not write.

    Raises:
        ConfigError: it is something else.
    """
    from ..c2gm.errors import TilesetError
    from ..c2gm.tilesets.metadata import is_ours
    from ..c2gm.tilesets.open import open_tileset

    if not path.exists():
        return
    try:
        with open_tileset(path) as tileset:
            ours = is_ours(tileset.metadata)
    except TilesetError:
        ours = False
    if not ours:
        raise ConfigError(
            f"{path.name} is in output/c2gm and was not made by C2GM, so it is not replaced. "
            "Choose another name, or delete it yourself."
        )
