"""`c2gm world`: a part of a made-up world, seen from above, as vectors and as a map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import answer, counting_bar, say
from .options import AsJson, parse_bounds, parse_zooms

if TYPE_CHECKING:
    from ..cartography.map_objects import MapObjects
    from ..grid import Area
    from ..worlds.world import World


def command(
    out: Annotated[Path, typer.Option("--out", help="The aerial picture, a GeoTIFF (.tif).")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another world.")] = 1,
    place: Annotated[
        int, typer.Option(min=0, help="Another number is another place of the world.")
    ] = 0,
    tiles: Annotated[
        int, typer.Option(min=1, help="Side of the place, in tiles of zoom 14 (2.4 km each).")
    ] = 1,
    bbox: Annotated[
        str | None,
        typer.Option(
            metavar="W,S,E,N",
            help="An area in degrees; any one will do.",
            show_default="that of --place and --tiles",
        ),
    ] = None,
    zoom: Annotated[
        int, typer.Option(min=14, max=19, help="Zoom of the picture (17: 1.2 m a pixel).")
    ] = 17,
    vectors: Annotated[
        Path | None, typer.Option(help="The true vectors too: a .gpkg or a .geojson.")
    ] = None,
    map: Annotated[
        Path | None,
        typer.Option("--map", help="The true map too: an .mbtiles file or a folder (XYZ)."),
    ] = None,
    zooms: Annotated[str, typer.Option(help="Zooms of the map.")] = "14-18",
    max_tiles: Annotated[
        int, typer.Option(min=1, help="The largest picture or map that is begun.")
    ] = 20_000,
    force: Annotated[bool, typer.Option("--force", help="Replace what has the names.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a part of an endless made-up world and its true map.

    The same seed and area give the same ground, however it is cut. Use it to practise, to test, or
    to train where perfect truth is wanted.

    \b
    Examples:
      c2gm world --seed 7 --out town.tif --vectors town.gpkg --map town.mbtiles
      c2gm world --seed 7 --bbox 0,0,0.05,0.04 --zoom 16 --out wide.tif
    """
    from ..cartography.pyramid import count_tiles
    from ..errors import AreaError
    from ..grid import Area, pixels_of_bounds
    from ..tilesets.open import check_name
    from ..worlds.world import World, WorldImagery, degrees
    from ..worlds.world_files import check_names, write_imagery, write_vectors

    check_names(out, vectors, overwrite=force)
    if map is not None:
        check_name(map)
    world = World(seed)
    sample = world.sample(place, tiles=tiles).mercator_bounds()
    area = Area(parse_bounds(bbox) or degrees(sample), (zoom,))
    if area.bounds[0] > area.bounds[2]:
        raise AreaError("A world ends at the antimeridian. Give a --bbox that does not cross it.")
    counts = count_tiles(area, at_most=max_tiles)
    map_area = Area(area.bounds, parse_zooms(zooms))
    if map is not None:
        count_tiles(map_area, at_most=max_tiles)
    box = pixels_of_bounds(area.bounds, zoom)
    say(f"World {seed} ({world.climate}): {box.width:,} x {box.height:,} px at zoom {zoom}")
    with counting_bar("painting") as on_block:
        write_imagery(WorldImagery(world), box, out, on_block=on_block)
    told = {"imagery": str(out), "seed": seed, "climate": world.climate, "zoom": zoom}
    lines = [f"{out}: about {counts[zoom]:,} tiles of zoom {zoom}"]
    if vectors is not None:
        count = write_vectors(_objects(world, area), vectors)
        told["vectors"] = str(vectors)
        lines.append(f"{vectors}: {count:,} objects")
    if map is not None:
        _write_map(world, map_area, map, overwrite=force)
        told["map"] = str(map)
        lines.append(f"{map}: zooms {zooms}")
    bounds = ",".join(f"{edge:.6f}" for edge in area.bounds)
    lines.append(f"The area in degrees: {bounds}")
    answer(told | {"bounds": list(area.bounds)}, "\n".join(lines), as_json=as_json)


def _objects(world: World, area: Area) -> MapObjects:
    """Vectors of an area and of the ground round it that its map needs."""
    from ..grid import pixels_of_bounds
    from ..worlds.districts import grown
    from ..worlds.world import OBJECTS_MARGIN

    box = pixels_of_bounds(area.bounds, 18)
    return world.objects(grown(box.mercator_bounds(), OBJECTS_MARGIN))


def _write_map(world: World, area: Area, path: Path, *, overwrite: bool) -> None:
    from ..tilesets.open import create_tileset
    from ..worlds.world_map import draw_world

    notice = "Drawn from the vectors of a made-up world, generalised for each zoom"
    metadata = {
        "name": f"world {world.seed}",
        "description": f"{notice}.",
        "notice": notice,
        "attribution": "procedural world, C2GM",
    }
    tiles = sum(len(area.tiles(zoom)) for zoom in area.zooms)
    with create_tileset(path, metadata, overwrite=overwrite, tiles_to_come=tiles) as tileset:
        draw_world(world, area, tileset.put)
