"""Load Imagery, Pick Area, Windows: what is painted from, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..c2gm.errors import AreaError
from ._api import Area, Imagery, Node, io, node_schema
from .areas import Bounds, PickedArea, parse_bounds
from .files import imagery_names, imagery_path, stamp
from .wording import checked, counted

if TYPE_CHECKING:
    from ..c2gm.imagery.base import Imagery as ImageryProtocol

CATEGORY = "C2GM/imagery"
NOWHERE = (0.0, 0.0, 0.0, 0.0)


class LoadImagery(Node):
    """Opens a raster, a folder of rasters or of tiles, or a tile set of the input folder."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMLoadImagery",
            display_name="Load Imagery",
            category=CATEGORY,
            description="Aerial or satellite imagery that knows where on Earth it lies.",
            search_aliases=["geotiff", "aerial", "satellite", "map", "mbtiles", "pmtiles"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=imagery_names(),
                    tooltip=(
                        "What is drawn from: a GeoTIFF, a folder of them, picture, MBTiles, "
                        "PMTiles or folder z/x/y in the input folder."
                    ),
                ),
                io.String.Input(
                    "picture_bounds",
                    default="",
                    placeholder="west,south,east,north",
                    tooltip=(
                        "Puts a picture without position on Earth: its edges in degrees WGS 84."
                    ),
                ),
                io.String.Input(
                    "attribution",
                    default="",
                    tooltip=(
                        "Names whom the imagery is owed to, in every map that is drawn from it."
                    ),
                ),
                io.String.Input(
                    "crs",
                    default="",
                    optional=True,
                    placeholder="of the file",
                    tooltip="Places a raster that does not say where it lies, like EPSG:32632.",
                ),
                io.String.Input(
                    "nodata",
                    default="",
                    optional=True,
                    placeholder="of the file",
                    tooltip=(
                        "Pixels of this value are left out of the map, like 0; none: all count. "
                        "Empty: as the file says."
                    ),
                ),
            ],
            outputs=[
                Imagery.Output(display_name="imagery"),
                io.Image.Output(
                    display_name="overview", tooltip="The whole imagery, at most 1024 px a side."
                ),
            ],
        )

    @classmethod
    def validate_inputs(cls, file, picture_bounds, nodata=""):
        """Whether the file may be read and the fields are numbers."""
        from .imagery_files import parse_nodata

        return checked(
            lambda: file is None or imagery_path(file),
            lambda: parse_bounds(picture_bounds or ""),
            lambda: parse_nodata(nodata or ""),
        )

    @classmethod
    def fingerprint_inputs(cls, file, **_):
        """Changes when the file does."""
        return stamp(imagery_path(file))

    @classmethod
    def execute(cls, file, picture_bounds, attribution, crs="", nodata=""):
        """Open the imagery."""
        from .imagery_files import open_spec
        from .imagery_look import imagery_lines, overview
        from .payloads import imagery_payload
        from .pictures import shown, to_image

        fields = {"file": file, "picture_bounds": picture_bounds, "attribution": attribution}
        imagery = open_spec({**fields, "crs": crs, "nodata": nodata})
        picture = to_image([overview(imagery)])
        told = {"text": imagery_lines(imagery), "c2gm_imagery": [imagery_payload(imagery)]}
        return io.NodeOutput(imagery, picture, ui={**shown(picture, cls), **told})


def picked_area(
    bounds: Bounds, zoom_min: int, zoom_max: int, imagery: ImageryProtocol | None
) -> PickedArea:
    """The area of Pick Area's numbers.

    Raises:
        AreaError: it is no place on Earth, the zooms are swapped, or no imagery says where.
    """
    from ..c2gm.grid import Area as GridArea

    if bounds == NOWHERE:
        if imagery is None:
            raise AreaError("Four zeros mean the whole imagery: connect it, or give an area.")
        bounds = imagery.bounds
    if zoom_min > zoom_max:
        raise AreaError(f"zoom_min {zoom_min} is above zoom_max {zoom_max}. Swap them.")
    area = GridArea(bounds, tuple(range(zoom_min, zoom_max + 1)))
    return PickedArea(area.bounds, area.zooms, imagery)


class PickArea(Node):
    """Bounds and zooms; four zeros mean the whole imagery."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMPickArea",
            display_name="Pick Area",
            category=CATEGORY,
            description="The area to draw, and its zooms. Four zeros: the whole imagery.",
            search_aliases=["bbox", "bounds", "extent"],
            inputs=[
                Imagery.Input(
                    "imagery",
                    optional=True,
                    tooltip="Limits the map: nothing is drawn beyond it.",
                ),
                *(
                    io.Float.Input(
                        edge,
                        default=0.0,
                        min=-limit,
                        max=limit,
                        step=0.00001,
                        round=0.00001,
                        tooltip=(
                            f"Moves the {edge} edge of the map, in "
                            "degrees. All four 0: all imagery."
                        ),
                    )
                    for edge, limit in (
                        ("west", 180.0),
                        ("south", 90.0),
                        ("east", 180.0),
                        ("north", 90.0),
                    )
                ),
                io.Int.Input(
                    "zoom_min",
                    default=14,
                    min=0,
                    max=20,
                    tooltip="The coarsest zoom that is drawn; lower ones cost next to nothing.",
                ),
                io.Int.Input(
                    "zoom_max",
                    default=18,
                    min=0,
                    max=20,
                    tooltip=(
                        "The finest zoom that is drawn; each one more takes four times as long."
                    ),
                ),
            ],
            outputs=[Area.Output(display_name="area")],
        )

    @classmethod
    def execute(cls, west, south, east, north, zoom_min, zoom_max, imagery=None):
        """Make the area."""
        from .payloads import area_lines, area_payload
        from .rates import seconds_per_window

        area = picked_area((west, south, east, north), zoom_min, zoom_max, imagery)
        told = area_payload(area, seconds_per_window())
        return io.NodeOutput(area, ui={"text": area_lines(told), "c2gm_area": [told]})


class Windows(Node):
    """The windows of an area at a zoom, for the stock samplers."""

    @classmethod
    def define_schema(cls):
        """Inputs and outputs."""
        return node_schema(
            node_id="C2GMWindows",
            display_name="Windows",
            category=CATEGORY,
            description=(
                "All windows of an area at one zoom as a batch: their imagery, empty latents and "
                "the world noise, which makes neighbouring windows agree."
            ),
            search_aliases=["tiles", "crop", "noise"],
            inputs=[
                Imagery.Input("imagery", tooltip="Where the pictures are read from."),
                Area.Input("area", tooltip="The area whose windows these are."),
                io.Int.Input(
                    "zoom",
                    default=16,
                    min=0,
                    max=20,
                    tooltip=(
                        "Each zoom more shows half the ground a window: four times the windows."
                    ),
                ),
                io.Int.Input(
                    "seed",
                    default=1,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=False,
                    tooltip="Other seeds draw other details; keep one seed for all of a map.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="imagery windows"),
                io.Latent.Output(display_name="empty latents"),
                io.Noise.Output(display_name="world noise"),
            ],
        )

    @classmethod
    def execute(cls, imagery, area, zoom, seed):
        """Read the windows."""
        import torch

        from ..c2gm.painting.geometry import SEAMLESS
        from ..c2gm.painting.window_inputs import read_imagery
        from .pictures import to_image
        from .window_noise import WindowNoise

        windows = area.windows(zoom)
        pictures = [read_imagery(imagery, window, SEAMLESS).imagery for window in windows]
        side = SEAMLESS.latent_size
        latent = {"samples": torch.zeros(len(windows), 4, side, side)}
        size = SEAMLESS.window_size
        told = f"{counted(len(windows), 'window')} of {size} x {size} px"
        return io.NodeOutput(
            to_image(pictures), latent, WindowNoise(seed, windows), ui={"text": [told]}
        )
