"""Speed of worlds on one core: python benchmarks/bench_worlds.py [--seeds 1 2 3] [--zoom 17]

Prints, for the place of each seed, tiles a second of process time of the layout (vectors of the
ground), of the painting (scenes made, all tiles read), of the rendering (generalised and drawn),
and of all together. A place is one tile of zoom 14, all its tiles of the zoom are made.
"""

from __future__ import annotations

import argparse
import time

from c2gm.cartography.render import MapDrawing
from c2gm.grid import Area, tile_box
from c2gm.worlds.districts import grown
from c2gm.worlds.world import World, degrees

MARGIN = 400.0  # metres of vectors round the place


def main() -> None:
    """Print one row a seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--zoom", type=int, default=17)
    parser.add_argument("--tiles", type=int, default=1, help="side of a place, tiles of zoom 14")
    arguments = parser.parse_args()
    print("seed  climate    tiles  layout  painting  rendering  together   (tiles/s/core)")
    for seed in arguments.seeds:
        world = World(seed)
        bounds = world.sample(0, tiles=arguments.tiles).mercator_bounds()
        tiles = list(Area(degrees(bounds), (arguments.zoom,)).tiles(arguments.zoom))
        times = [time.process_time()]
        objects = world.objects(grown(bounds, MARGIN))
        times.append(time.process_time())
        for tile in tiles:
            world.picture(tile_box(tile))
        times.append(time.process_time())
        drawing = MapDrawing(objects, arguments.zoom)
        for tile in tiles:
            drawing.picture(tile_box(tile))
        times.append(time.process_time())
        spent = [*(b - a for a, b in zip(times, times[1:], strict=False)), times[-1] - times[0]]
        rates = "".join(f"{len(tiles) / seconds:10.1f}" for seconds in spent)
        print(f"{seed:4d}  {world.climate:9s}{len(tiles):6d}{rates}", flush=True)


if __name__ == "__main__":
    main()
