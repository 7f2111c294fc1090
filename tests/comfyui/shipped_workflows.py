"""The workflows that come with the pack."""

from __future__ import annotations

import dataclasses
from typing import Any

from workflow_graphs import Graph, Link, Node

MODEL = "c2gm-mini (bundled)"
TOWN = "procedural town (bundled)"
WHOLE = {"west": 0.0, "south": 0.0, "east": 0.0, "north": 0.0}
STEERING = {"strength": 1.0, "start": 0.0, "end": 1.0}
TEXT = {"resolution": "", "map_scale": "", "examples": "", "free_text": ""}
SAMPLING = {"sampler_name": "euler", "scheduler": "simple", "steps": 2, "cfg": 1.0, "seed": 1}
STITCHING = {"overlap": 64, "file": "", "legend": False, "scale_bar": False, "credit": False}
STAGE_ROWS = 21
Nodes = dict[str, Node]


# Parts ------------------------------------------------------------------------------------------


def _model() -> Node:
    return Node(
        "C2GMLoadSGDM", (0, 0), {"file": MODEL, "base": "none", "dtype": "auto"}, size=(300, 190)
    )


def _sources(zoom_min: int = 14, zoom_max: int = 18) -> Nodes:
    """Model, imagery and area, in the first column."""
    return {
        "sgdm": _model(),
        "imagery": Node(
            "C2GMLoadImagery",
            (0, 6),
            {"file": TOWN, "picture_bounds": "", "attribution": "", "crs": "", "nodata": ""},
            size=(300, 480),
        ),
        "area": Node(
            "C2GMPickArea",
            (0, 20),
            {"imagery": Link("imagery"), **WHOLE, "zoom_min": zoom_min, "zoom_max": zoom_max},
            size=(300, 600),
        ),
    }


def _cascade(place: tuple[int, int], **more: Any) -> Node:
    return Node(
        "C2GMCascadeSampler",
        place,
        {
            **{name: Link("sgdm", slot) for slot, name in enumerate(("model", "clip", "vae"))},
            "sgdm": Link("sgdm", 3),
            "imagery": Link("imagery"),
            "area": Link("area"),
            **SAMPLING,
            "cascade_factor": "2X",
            "edges": "exact",
            **STEERING,
            "batch": 0,
            "max_tiles": 100_000,
            "denoise": 0.0,
            **more,
        },
        size=(320, 1000),
    )


def _preview(place: tuple[int, int], link: Link, size: tuple[int, int] = (300, 300)) -> Node:
    return Node("PreviewImage", place, {"images": link}, size=size)


def _text(place: tuple[int, int], zoom: int, factor: str, **fields: str) -> Node:
    inputs = {"clip": Link("sgdm", 1), "zoom": zoom, "cascade_factor": factor, **TEXT, **fields}
    return Node("C2GMScaleTextEncode", place, inputs, size=(300, 320))


def _stitch(place: tuple[int, int], zoom: int, **source: Any) -> Node:
    inputs = {**source, "area": Link("area"), "zoom": zoom, **STITCHING}
    return Node("C2GMTileStitch", place, inputs, size=(300, 260))


def _sampler_and_sigmas(steps: int = 4, denoise: float = 1.0) -> Nodes:
    """What all stages of a workflow sample with: euler, simple."""
    return {
        "sampler": Node("KSamplerSelect", (1, 14), {"sampler_name": "euler"}, size=(300, 60)),
        "sigmas": Node(
            "BasicScheduler",
            (1, 17),
            {"model": Link("sgdm", 0), "scheduler": "simple", "steps": steps, "denoise": denoise},
            size=(300, 110),
        ),
    }


def _windows(place: tuple[int, int], zoom: int) -> Node:
    inputs = {"imagery": Link("imagery"), "area": Link("area"), "zoom": zoom, "seed": 1}
    return Node("C2GMWindows", place, inputs, size=(300, 170))


def _apply(place: tuple[int, int], windows: str, reference: str | None = None, **more: Any) -> Node:
    inputs: dict[str, Any] = {
        "model": Link("sgdm", 0),
        "sgdm": Link("sgdm", 3),
        "imagery": Link(windows, 0),
        **STEERING,
        "zoom": 0,
        "look": 0,
        **more,
    }
    if reference is not None:
        inputs["reference"] = Link(reference)
    return Node("C2GMApplyFeatures", place, inputs, size=(300, 220))


def _sampled(
    name: str, place: tuple[int, int], windows: str, apply: str, text: str, latent: Link
) -> Nodes:
    """Guider, stock sampler and VAE: the pictures of windows, `decode NAME`."""
    column, row = place
    return {
        f"guider {name}": Node(
            "BasicGuider",
            place,
            {"model": Link(apply), "conditioning": Link(text)},
            size=(300, 60),
        ),
        f"sample {name}": Node(
            "SamplerCustomAdvanced",
            (column, row + 4),
            {
                "noise": Link(windows, 2),
                "guider": Link(f"guider {name}"),
                "sampler": Link("sampler"),
                "sigmas": Link("sigmas"),
                "latent_image": latent,
            },
            size=(300, 320),  # with its preview
        ),
        f"decode {name}": Node(
            "VAEDecode",
            (column, row + 13),
            {"samples": Link(f"sample {name}"), "vae": Link("sgdm", 2)},
            size=(300, 60),
        ),
    }


def _reference(place: tuple[int, int], zoom: int, **source: Any) -> Node:
    return Node(
        "C2GMCascadeReferenceEncode",
        place,
        {
            **source,
            "area": Link("area"),
            "zoom": zoom,
            "cascade_factor": "4X",
            "interpolation": "bilinear",
        },
        size=(300, 220),
    )


def _stage(zoom: int, row: int, factor: str, reference: Node | None = None) -> tuple[Nodes, str]:
    """The nodes of one stage by hand, named after its zoom; and the name of its stitched map."""
    windows, text, apply = f"windows {zoom}", f"text {zoom}", f"apply {zoom}"
    named = None if reference is None else f"reference {zoom}"
    stitch = f"stitch {zoom}"
    nodes = {
        windows: _windows((1, row), zoom),
        **({} if reference is None or named is None else {named: reference}),
        text: _text((2, row), zoom, factor),
        apply: _apply((2, row + 10), windows, named, zoom=zoom),
        f"encode {zoom}": Node(
            "VAEEncode",
            (2, row + 17),
            {"pixels": Link(apply, 1), "vae": Link("sgdm", 2)},
            size=(300, 60),
        ),
        **_sampled(str(zoom), (3, row), windows, apply, text, Link(f"encode {zoom}")),
        stitch: _stitch((4, row), zoom, images=Link(f"decode {zoom}")),
        f"preview {zoom}": _preview((4, row + 8), Link(stitch)),
    }
    return nodes, stitch


# Workflows --------------------------------------------------------------------------------------


def whole_pyramid() -> Graph:
    """Every zoom of the bundled scene by the Cascade Sampler: the first thing to click."""
    return Graph(
        {
            **_sources(),
            "cascade": _cascade((1, 0)),
            "look": Node(
                "C2GMPreviewMap",
                (2, 0),
                {"tileset": Link("cascade"), "imagery": Link("imagery")},
                size=(560, 620),
            ),
            "preview": _preview((2, 17), Link("cascade", 1), size=(420, 440)),
            "save": Node(
                "C2GMSaveTileset",
                (1, 30),
                {
                    "tileset": Link("cascade"),
                    "zoom": 18,
                    "name": "town",
                    "format": "MBTiles",
                    "pictures": "as drawn",
                    "quiet_colours": False,
                },
                size=(320, 272),
            ),
        }
    )


def two_stages_by_hand() -> Graph:
    """Zooms 14 and 16 with every component visible; the Cascade Sampler goes on from there."""
    first, map_14 = _stage(14, 0, "none")
    reference = _reference((1, STAGE_ROWS + 6), 16, map_image=Link(map_14))
    second, map_16 = _stage(16, STAGE_ROWS, "4X", reference)
    save = Node(
        "C2GMSaveTileset",
        (5, 0),
        {
            "map_image": Link(map_16),
            "area": Link("area"),
            "zoom": 16,
            "name": "town by hand",
            "format": "MBTiles",
            "pictures": "as drawn",
            "quiet_colours": False,
        },
        size=(320, 272),
    )
    return Graph(
        {
            **_sources(),
            **_sampler_and_sigmas(steps=2, denoise=0.5),  # on top of what was read
            **first,
            **second,
            "save": save,
            "text 18": _text((5, 7), 18, "2X"),
            "cascade": _cascade((6, 0), start_tileset=Link("save"), text_18=Link("text 18", 1)),
            "preview 18": _preview((7, 0), Link("cascade", 1), size=(420, 440)),
        },
        {
            "Model, imagery, area": ("sgdm", "imagery", "area"),
            "Zoom 14, from nothing": ("sampler", "sigmas", *first),
            "Zoom 16, from zoom 14": tuple(second),
            "Zooms 17 and 18, by the Cascade Sampler": ("save", "text 18", "cascade", "preview 18"),
        },
    )


def one_window() -> Graph:
    """The windows of one small zoom with stock sampling: what every component makes."""
    windows = {
        **_sources(16, 16),
        **_sampler_and_sigmas(),
        "windows": _windows((1, 0), 16),
        "imagery preview": _preview((1, 6), Link("windows")),
        "text": _text((2, 0), 16, "none"),
        "apply": _apply((2, 10), "windows", zoom=16),
        **_sampled("16", (3, 0), "windows", "apply", "text", Link("windows", 1)),
        "drawn preview": _preview((3, 16), Link("decode 16")),
        "stitch": _stitch((4, 0), 16, images=Link("decode 16")),
        "save": Node(
            "SaveImage",
            (4, 8),
            {"images": Link("stitch"), "filename_prefix": "c2gm/one zoom"},
            size=(300, 340),
        ),
    }
    return Graph(windows)


def from_an_existing_map() -> Graph:
    """A map of zoom 16 that is there already becomes zooms 17 and 18.

    Here it is drawn first, so that the workflow runs by itself; Load Tileset takes its place for a
    map of your own.
    """
    return Graph(
        {
            **_sources(14, 16),
            "existing": Node(
                "C2GMCascadeSampler",
                (1, 0),
                _cascade((1, 0)).inputs,
                title="The map that is there (or Load Tileset)",
                size=(320, 1000),
            ),
            "finer area": Node(
                "C2GMPickArea",
                (2, 0),
                {"imagery": Link("imagery"), **WHOLE, "zoom_min": 17, "zoom_max": 18},
                title="Zooms to add",
                size=(300, 600),
            ),
            "cascade": _cascade((3, 0), area=Link("finer area"), start_tileset=Link("existing")),
            "look": Node(
                "C2GMPreviewMap",
                (4, 0),
                {"tileset": Link("cascade"), "imagery": Link("imagery")},
                size=(560, 620),
            ),
            "sheet": Node(
                "C2GMTileStitch",
                (4, 17),
                {
                    "tileset": Link("cascade"),
                    "area": Link("finer area"),
                    "zoom": 18,
                    **STITCHING,
                    "file": "town z18.tif",
                    "legend": True,
                    "scale_bar": True,
                    "credit": True,
                },
                size=(300, 280),
            ),
            "preview": _preview((5, 17), Link("sheet", 1), size=(420, 480)),
        }
    )


SCALES = (14, 15, 16, 17, 18)


def five_scales() -> Graph:
    """The same windows drawn at five map scales: only what they shall look like differs."""
    drawn: Nodes = {}
    for row, zoom in enumerate(SCALES):
        name, text = f"scale {zoom}", f"text {zoom}"
        drawn[text] = _text((2, 10 * row), zoom, "none")
        apply = f"apply {name}"
        drawn[apply] = _apply((1, 6 + 10 * row), "windows", zoom=16, look=zoom)
        sampled = _sampled(name, (3, 10 * row), "windows", apply, text, Link("windows", 1))
        for column, key in ((4, f"sample {name}"), (5, f"decode {name}")):
            sampled[key] = dataclasses.replace(sampled[key], place=(column, 10 * row))
        drawn |= sampled
        drawn[f"map {name}"] = _stitch((6, 10 * row), 16, images=Link(f"decode {name}"))
    compared = {
        f"image_{number}": Link(f"map scale {zoom}") for number, zoom in enumerate(SCALES, 1)
    }
    return Graph(
        {
            **_sources(16, 16),
            **_sampler_and_sigmas(),
            "windows": _windows((1, 0), 16),
            **drawn,
            "compare": Node(
                "C2GMCompareZooms",
                (7, 0),
                {
                    "area": Link("area"),
                    "imagery": Link("imagery"),
                    **compared,
                    "zooms": "",
                    "captions": "imagery\n1:35,000\n1:15,000\n1:8,000\n1:4,000\n1:2,000",
                    "panel": 256,
                },
                size=(300, 380),
            ),
            "save": Node(
                "SaveImage",
                (7, 12),
                {"images": Link("compare"), "filename_prefix": "c2gm/five scales"},
                size=(900, 340),
            ),
        },
        {"The same windows, five looks": tuple(drawn)},
    )


def another_sampler() -> Graph:
    """KSampler with its own noise, or a LoRA, on top of the patched model."""
    return Graph(
        {
            **_sources(16, 16),
            "windows": _windows((1, 0), 16),
            "text": _text((1, 6), 16, "none"),
            "empty": _text((1, 16), 16, "none", free_text="geographical map tile"),
            "apply": _apply((2, 0), "windows", zoom=16),
            "sample": Node(
                "KSampler",
                (2, 8),
                {
                    "model": Link("apply"),
                    "positive": Link("text"),
                    "negative": Link("empty"),
                    "latent_image": Link("windows", 1),
                    "seed": 1,
                    "steps": 8,
                    "cfg": 1.5,
                    "sampler_name": "dpmpp_2m",
                    "scheduler": "simple",
                    "denoise": 1.0,
                },
                title="Any sampler; put LoraLoaderModelOnly before Apply",
                size=(300, 480),
            ),
            "decode": Node(
                "VAEDecode",
                (3, 0),
                {"samples": Link("sample"), "vae": Link("sgdm", 2)},
                size=(300, 60),
            ),
            "stitch": _stitch((3, 4), 16, images=Link("decode")),
            "preview": _preview((3, 12), Link("stitch")),
        }
    )


def recolour_and_compare() -> Graph:
    """The map in three palettes, and all its zooms side by side."""
    palettes = ("night", "paper", "colour-blind safe")
    recoloured = {
        name: Node(
            "C2GMRecolourMap",
            (2, 13 * row),
            {"images": Link("cascade", 1), "palette": name, "colours": ""},
            size=(340, 460),
        )
        for row, name in enumerate(palettes)
    }
    return Graph(
        {
            **_sources(),
            "cascade": _cascade((1, 0)),
            **recoloured,
            "compare": Node(
                "C2GMCompareZooms",
                (3, 0),
                {
                    "tileset": Link("cascade"),
                    "area": Link("area"),
                    "imagery": Link("imagery"),
                    "zooms": "14,16,18",
                    "captions": "",
                    "panel": 320,
                },
                title="Zooms side by side",
                size=(300, 340),
            ),
            "zooms preview": _preview((4, 0), Link("compare"), size=(900, 360)),
            "compare palettes": Node(
                "C2GMCompareZooms",
                (3, 11),
                {
                    "image_1": Link("cascade", 1),
                    **{f"image_{n + 1}": Link(name) for n, name in enumerate(palettes, 1)},
                    "zooms": "",
                    "captions": "house style\n" + "\n".join(palettes),
                    "panel": 320,
                },
                title="Palettes side by side",
                size=(300, 340),
            ),
            "palettes preview": _preview((4, 11), Link("compare palettes"), size=(900, 360)),
        }
    )


def edit_and_repaint() -> Graph:
    """Paint on a low zoom in the mask editor; what depends on it is drawn again.

    The first run shows the map to paint on. After *Paint on the map*, save there and queue again.
    """
    return Graph(
        {
            **_sources(16, 18),
            "cascade": _cascade((1, 0)),
            "repaint": Node(
                "C2GMRepaint",
                (2, 0),
                {
                    **{
                        name: Link("sgdm", slot)
                        for slot, name in enumerate(("model", "clip", "vae", "sgdm"))
                    },
                    "imagery": Link("imagery"),
                    "tileset": Link("cascade"),
                    "zoom": 16,
                    "image": "",
                    "fill": "water",
                },
                title="Repaint: run, paint, run again",
                size=(340, 760),
            ),
            "look": Node(
                "C2GMPreviewMap",
                (3, 0),
                {"tileset": Link("repaint"), "imagery": Link("imagery")},
                title="The corrected map",
                size=(560, 620),
            ),
            "before": Node(
                "C2GMPreviewMap",
                (3, 14),
                {"tileset": Link("cascade"), "imagery": Link("imagery")},
                title="The map before",
                size=(560, 620),
            ),
            "save": Node(
                "C2GMSaveTileset",
                (2, 20),
                {
                    "tileset": Link("repaint"),
                    "zoom": 18,
                    "name": "town corrected",
                    "format": "MBTiles",
                    "pictures": "as drawn",
                    "quiet_colours": False,
                },
                size=(340, 272),
            ),
            "vectors": Node(
                "C2GMVectorize",
                (2, 26),
                {
                    "tileset": Link("repaint"),
                    "zoom": 18,
                    "name": "town corrected",
                    "format": "GeoJSON",
                },
                size=(340, 220),
            ),
        }
    )


WORKFLOWS = {
    "1 Map pyramid of a town": whole_pyramid,
    "2 Two stages by hand, then the cascade": two_stages_by_hand,
    "3 One zoom with stock sampling": one_window,
    "4 From an existing map": from_an_existing_map,
    "5 Five map scales by text alone": five_scales,
    "6 Another sampler on top": another_sampler,
    "7 Recolour and compare": recolour_and_compare,
    "8 Edit the low zoom, repaint": edit_and_repaint,
}
