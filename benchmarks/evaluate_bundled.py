"""All bars of the bundled model in one run: honest-0, from imagery alone, end to end.

    python benchmarks/evaluate_bundled.py --out scores --quick \
        --place name=dubai-2 imagery=scene2.tif masks=scene2_classes.tif \
        --place name=kvarnbyn-dev imagery=image.tif masks=classes.tif vectors=vectors.gpkg \
                bounds=12.032776,57.6495,12.044,57.6625

Draws whole pyramids of procedural towns and worlds and of real places, scores them against their
truth beside the rows that need no drawing, and writes scores.json, scores.md and pictures.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bundled_bars import Result, bars_markdown, procedural_bars, real_bars
from mercantile import Tile
from PIL import Image

from c2gm.cartography.map_objects import MapObjects
from c2gm.cartography.masks import vectorise_classes
from c2gm.cartography.render import MapDrawing
from c2gm.cartography.vectors import read_vectors
from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings
from c2gm.evaluation.controls import GroundColour
from c2gm.evaluation.model_controls import SegmentAndDraw, ThroughVAE
from c2gm.evaluation.protocols import controls_of, protocol_of
from c2gm.evaluation.report import Rows, as_json, group_table, markdown, measure_table
from c2gm.evaluation.scale_text import score_scale_text, true_looks
from c2gm.evaluation.scoring import Comparison
from c2gm.evaluation.truth import DrawnTruth, Pyramid, RasterTruth, Truth
from c2gm.grid import (
    TILE_SIZE,
    WINDOW_SIZE,
    PixelBox,
    TileRange,
    bounds_of,
    pixels_of_bounds,
    tile_box,
)
from c2gm.imagery.base import Imagery
from c2gm.imagery.open import open_imagery
from c2gm.models.checkpoints import model_hash
from c2gm.models.devices import choose_dtype
from c2gm.models.sgdm import SGDM
from c2gm.models.sgdm_map_model import SGDMMapModel
from c2gm.tilesets.open import open_tileset
from c2gm.worlds.town import Town, TownImagery

Bounds = tuple[float, float, float, float]
HONEST = protocol_of("honest-0")
STEPS_ROW = "50 steps"
TEXT_WINDOWS = 24  # fewer say little: of 8 in one town tau was 0.82, of 24 in three 0.73
PLACE_WORDS = {"name", "imagery", "masks", "vectors", "bounds"}  # the last two may be left out


@dataclass(frozen=True)
class Ground:
    """One place to draw: imagery, its truth, and the part and zooms of it.

    `true_map` is drawn from vectors; `masks` are what real ground is scored against.
    """

    name: str
    imagery: Imagery
    objects: MapObjects
    bounds: Bounds
    zooms: tuple[int, ...]
    masks: Path | None = None

    def whole_tiles(self) -> dict[int, list[Tile]]:
        """The tiles that lie inside the bounds, by zoom."""
        return {zoom: list(whole_tiles(self.bounds, zoom)) for zoom in self.zooms}


def whole_tiles(bounds: Bounds, zoom: int) -> TileRange:
    """The tiles of a zoom that lie inside bounds, to a pixel."""
    box = pixels_of_bounds(bounds, zoom)
    first = (-(-(box.left - 1) // TILE_SIZE), -(-(box.top - 1) // TILE_SIZE))
    last = ((box.right + 1) // TILE_SIZE - 1, (box.bottom + 1) // TILE_SIZE - 1)
    return TileRange(zoom, *first, *last)


def lowest_zoom(bounds: Bounds) -> int:
    """The lowest zoom from 14 that has a whole tile inside bounds."""
    return next(zoom for zoom in range(14, 19) if len(whole_tiles(bounds, zoom)))


def town(seed: int, *, part: int | None, zooms: tuple[int, ...]) -> Ground:
    """A procedural town; `part` is the zoom of the one tile that is drawn, None all of it."""
    made = Town(seed)
    bounds = made.bounds
    if part is not None:
        step = part - made.tile.z
        place = (made.tile.x << step, made.tile.y << step)
        bounds = bounds_of(TileRange(part, *place, *place))
    return Ground(f"town-{seed}", TownImagery(made), made.objects, bounds, zooms)


def world(seed: int, *, zooms: tuple[int, ...]) -> Ground:
    """One tile of zoom 14 of a procedural world."""
    from c2gm.worlds.world import world_sample

    sample = world_sample(seed, tiles=1)
    return Ground(f"world-{seed}", sample.imagery, sample.objects, sample.bounds, zooms)


def place(words: list[str], last_zoom: int) -> Ground:
    """A real place by its words on the command line: name, imagery, masks, vectors, bounds."""
    given = dict(word.partition("=")[::2] for word in words)
    if not {"name", "imagery", "masks"} <= set(given) <= PLACE_WORDS:
        raise SystemExit(f"--place {' '.join(words)}: give {', '.join(sorted(PLACE_WORDS))}.")
    imagery = open_imagery(given["imagery"])
    bounds = imagery.bounds
    if "bounds" in given:
        west, south, east, north = (float(part) for part in given["bounds"].split(","))
        bounds = (west, south, east, north)
    if "vectors" in given:
        objects = read_vectors(given["vectors"])
    else:
        objects = vectorise_classes(given["masks"])
    zooms = tuple(range(lowest_zoom(bounds), last_zoom + 1))
    return Ground(given["name"], imagery, objects, bounds, zooms, Path(given["masks"]))


def draw(
    ground: Ground, model: SGDMMapModel, out: Path, *, mode: str = "seamless", suffix: str = ""
) -> Path:
    """The pyramid of a place, drawn from its imagery alone; a finished one is kept."""
    settings = GenerateSettings(zooms=ground.zooms, bounds=ground.bounds, edges="open", mode=mode)
    path = out / "maps" / f"{ground.name}{suffix}.mbtiles"
    result = generate(ground.imagery, model, path, settings)
    done = "kept" if result.nothing_to_do else f"{result.tiles} tiles in {result.seconds:.0f} s"
    print(f"{path.name}: {done}", flush=True)
    return path


def score(ground: Ground, model: SGDMMapModel, map_file: Path, *, controls: bool) -> Rows:
    """Scores of a map and of the rows beside it; controls are copies and the VAE's ceiling."""
    drawn = DrawnTruth(ground.objects, ground.name)
    with contextlib.ExitStack() as stack:
        map_ = stack.enter_context(open_tileset(map_file))
        truth: Truth = drawn
        if ground.masks is not None:
            truth = raster = RasterTruth(ground.masks)
            stack.callback(raster.close)
        comparison = Comparison(truth, ground.whole_tiles())
        rows: dict[str, Pyramid] = {"map": map_}
        rows["segment and draw"] = SegmentAndDraw(model, ground.imagery)
        rows["ground colour"] = GroundColour()
        if controls:
            rows |= controls_of(HONEST, truth=drawn, map_=map_, lowest_zoom=ground.zooms[0])
            rows["VAE ceiling"] = ThroughVAE(model, drawn)
        return {name: comparison.score(row) for name, row in rows.items()}


def compare_steps(ground: Ground, model: SGDMMapModel, out: Path) -> dict[str, float]:
    """What 50 steps gain over the default: dB and mIoU, mean of the zooms."""
    default = SGDMMapModel(model.model, model_hash=model.identity["model"])
    many = SGDMMapModel(
        model.model,
        replace(default.sampler, steps=50),
        model_hash=model.identity["model"],
    )
    found = {}
    for name, sampler in (("default", default), (STEPS_ROW, many)):
        path = draw(ground, sampler, out, suffix=f"-{name.replace(' ', '-')}")
        with open_tileset(path) as map_:
            comparison = Comparison(DrawnTruth(ground.objects), ground.whole_tiles())
            found[name] = comparison.score(map_)

    def gain(measure: str) -> float:
        pairs = zip(found[STEPS_ROW].values(), found["default"].values(), strict=True)
        return float(
            np.mean([(a.measures[measure] or 0) - (b.measures[measure] or 0) for a, b in pairs])
        )

    return {"psnr_y": gain("psnr_y"), "miou": gain("miou")}


def scale_texts(grounds: list[Ground], model: SGDMMapModel, windows: int) -> dict[str, float]:
    """Scores of the scale text on windows spread over procedural ground."""
    rng = np.random.default_rng(0)
    imagery, truths = [], []
    for number in range(windows):
        ground = grounds[number % len(grounds)]
        whole = pixels_of_bounds(ground.bounds, 18)
        left = int(rng.integers(whole.left, whole.right - WINDOW_SIZE)) // 8 * 8
        top = int(rng.integers(whole.top, whole.bottom - WINDOW_SIZE)) // 8 * 8
        box = PixelBox(18, left, top, left + WINDOW_SIZE, top + WINDOW_SIZE)
        imagery.append(ground.imagery.read(box)[0])
        truths.append((ground, box))
    drawings: dict[tuple[str, int], MapDrawing] = {}

    def look(number: int, zoom: int) -> np.ndarray:
        ground, box = truths[number]
        key = (ground.name, zoom)
        if key not in drawings:
            drawings[key] = MapDrawing(ground.objects, 18, look=zoom)
        return drawings[key].picture(box)

    return asdict(score_scale_text(model, imagery, true_looks(look, windows)))


def picture(ground: Ground, map_file: Path, zoom: int) -> Image.Image:
    """Imagery, map and truth of up to 3 x 3 tiles side by side."""
    tiles = whole_tiles(ground.bounds, zoom)
    right, bottom = min(tiles.right, tiles.left + 2), min(tiles.bottom, tiles.top + 2)
    box = TileRange(zoom, tiles.left, tiles.top, right, bottom).box
    sheet = Image.new("RGB", (3 * box.width + 16, box.height), "white")
    truth = MapDrawing(ground.objects, zoom).picture(box)
    sheet.paste(Image.fromarray(ground.imagery.read(box)[0]), (0, 0))
    sheet.paste(Image.fromarray(truth), (2 * box.width + 16, 0))
    with open_tileset(map_file) as map_:
        for tile in TileRange(zoom, tiles.left, tiles.top, right, bottom):
            pixels = map_.get(tile)
            if pixels is not None:
                at = tile_box(tile)
                corner = (box.width + 8 + at.left - box.left, at.top - box.top)
                sheet.paste(Image.fromarray(pixels[..., :3]), corner)
    return sheet


def grounds_of(arguments: argparse.Namespace) -> list[Ground]:
    """What shall be drawn; quick: a part of the first town, low zooms of the others.

    Worlds are there for open country, which low zooms show.
    """
    quick, every = arguments.quick, (14, 15, 16, 17, 18)
    found = []
    for number, seed in enumerate(arguments.town):
        if quick and number:
            found.append(town(seed, part=None, zooms=(14, 15)))
        else:
            found.append(town(seed, part=arguments.part if quick else None, zooms=every))
    found += [world(seed, zooms=every[:2]) for seed in arguments.world]
    return found + [place(words, 17 if quick else 18) for words in arguments.place]


def run(arguments: argparse.Namespace) -> None:
    """Draw, score, write; what is there is written after every place."""
    began = time.monotonic()
    out: Path = arguments.out
    (out / "maps").mkdir(parents=True, exist_ok=True)
    dtype = choose_dtype("auto", torch.device("cpu"))  # as commands draw
    sgdm = SGDM.load(arguments.model, dtype=dtype)
    model = SGDMMapModel(sgdm, model_hash=model_hash(arguments.model))
    about: dict[str, Any] = {
        "model": model.identity["model"],
        "sampler": f"{model.sampler.name}, {model.sampler.steps} steps, "
        f"denoise {model.sampler.denoise:g}, {model.identity['dtype']}",
        "quick": arguments.quick,
    }
    grounds = grounds_of(arguments)
    scores: dict[str, Rows] = {}
    for ground in grounds:
        path = draw(ground, model, out)
        scores[ground.name] = score(ground, model, path, controls=arguments.controls)
        for zoom in ground.zooms:
            if len(whole_tiles(ground.bounds, zoom)):
                picture(ground, path, zoom).save(out / f"{ground.name}-z{zoom}.png")
        results = results_of(grounds, scores)
        write(out, scores, results, about)
    procedural = [ground for ground in grounds if ground.masks is None]
    if procedural:
        extra, more = procedural_extras(procedural, model, out)
        results += extra
        write(out, scores, results, about | more)
    print(bars_markdown(results))
    print(f"{sum(r.passed for r in results)} of {len(results)} bars passed")
    print(f"{time.monotonic() - began:.0f} s, {time.process_time():.0f} s of one core")


def results_of(grounds: list[Ground], scores: dict[str, Rows]) -> list[Result]:
    """The bars that single maps are held against, of the places scored so far."""
    scored = [ground for ground in grounds if ground.name in scores]
    made_up = [scores[ground.name]["map"] for ground in scored if ground.masks is None]
    results = procedural_bars(made_up)
    for ground in scored:
        if ground.masks is not None:
            results += real_bars(ground.name, scores[ground.name]["map"])
    return results


def procedural_extras(
    grounds: list[Ground], model: SGDMMapModel, out: Path
) -> tuple[list[Result], dict[str, Any]]:
    """Bars that need drawings of their own: paper mode, scale text, number of steps."""
    first = grounds[0]
    paper_zooms = tuple(zoom for zoom in first.zooms if zoom <= 17)
    paper = draw(replace(first, zooms=paper_zooms), model, out, mode="paper", suffix="-paper")
    with open_tileset(paper) as map_:
        comparison = Comparison(DrawnTruth(first.objects), first.whole_tiles())
        seams = {
            zoom: found.measures["seam_ratio"] for zoom, found in comparison.score(map_).items()
        }
    results = [Result("paper mode z17 seam_ratio", seams.get(17), 1.2, None)]
    text = scale_texts(grounds, model, TEXT_WINDOWS)
    results += [
        Result("scale text tau", text["tau"], 0.8, None),
        Result("scale text effect", text["effect"], max(0.6, 3 * text["seed_spread"]), 1.4),
        Result("scale text tau above shuffled", text["tau"] - abs(text["shuffled_tau"]), 0.1, None),
    ]
    corner = whole_tiles(first.bounds, 16)
    small = TileRange(16, corner.left, corner.top, corner.left, corner.top)
    gains = compare_steps(
        replace(first, name=f"{first.name}-steps", bounds=bounds_of(small), zooms=(16, 17)),
        model,
        out,
    )
    results += [
        Result("50 steps gain dB", gains["psnr_y"], None, 0.2),
        Result("50 steps gain mIoU", gains["miou"], None, 0.01),
    ]
    return results, {"paper_seams": seams, "scale_text": text, "steps": gains}


def write(out: Path, scores: dict[str, Rows], results: list[Result], about: dict[str, Any]) -> None:
    """scores.json and scores.md."""
    data = {
        **about,
        "bars": [{**asdict(result), "passed": result.passed} for result in results],
        "places": {name: as_json(rows, HONEST) for name, rows in scores.items()},
    }
    (out / "scores.json").write_text(json.dumps(data, indent=1, sort_keys=True), encoding="utf-8")
    lines = [f"# Bars, protocol {HONEST.name}", "", bars_markdown(results)]
    for name, rows in scores.items():
        lines += ["", f"## {name} ({HONEST.name})"]
        for zoom in sorted(rows["map"]):
            lines += ["", markdown(measure_table(rows, zoom))]
        lines += ["", markdown(group_table(rows["map"]))]
        if any(found.classes for found in rows["map"].values()):
            lines += ["", markdown(group_table(rows["map"], classes=True))]
    (out / "scores.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="mini", help="a model file, or mini")
    parser.add_argument("--out", type=Path, required=True, help="folder for maps and scores")
    parser.add_argument("--town", type=int, nargs="*", default=[10000, 10001], help="seeds")
    parser.add_argument("--world", type=int, nargs="*", default=[], help="seeds")
    parser.add_argument(
        "--place",
        nargs="+",
        action="append",
        default=[],
        metavar="WORD=VALUE",
        help="a real place: name, imagery, masks, and maybe vectors and bounds (W,S,E,N)",
    )
    parser.add_argument("--quick", action="store_true", help="small parts, up to zoom 17 if real")
    parser.add_argument("--part", type=int, default=15, help="zoom of the tile that quick draws")
    parser.add_argument("--controls", action="store_true", help="copies and the VAE's ceiling too")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
