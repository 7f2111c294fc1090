"""The true map of a world is the same to the last pixel whatever box is asked, in any order."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c2gm.cartography.generalise import generalise
from c2gm.cartography.render import MapDrawing
from c2gm.grid import TILE_SIZE, Area, PixelBox, mercator_resolution
from c2gm.worlds.districts import grown
from c2gm.worlds.world import World
from c2gm.worlds.world_map import WorldMap, draw_world

SEED = 12
ZOOMS = range(14, 19)
unhurried = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def world() -> World:
    return World(SEED)


@pytest.fixture(scope="module")
def maps(world: World) -> dict[int, WorldMap]:
    return {zoom: WorldMap(world, zoom) for zoom in ZOOMS}


def box_round(column: int, row: int, zoom: int, *, width: int, height: int) -> PixelBox:
    """A box round the corner of four blocks near the middle of the plane, shifted by pixels."""
    middle = (TILE_SIZE << zoom) // 2
    left, top = middle + column - width // 2, middle + row - height // 2
    return PixelBox(zoom, left, top, left + width, top + height)


@pytest.mark.parametrize("zoom", ZOOMS)
def test_a_map_is_the_same_in_any_box(maps: dict[int, WorldMap], zoom: int) -> None:
    @unhurried
    @given(
        # At the higher zooms beside the corner: two blocks instead of four are made.
        place=st.tuples(st.integers(-90, 90), st.integers(-90, 90) if zoom < 16 else st.just(-200)),
        size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
        grow=st.tuples(*(st.integers(0, 80) for _ in range(4))),
    )
    def check(
        place: tuple[int, int], size: tuple[int, int], grow: tuple[int, int, int, int]
    ) -> None:
        box = box_round(*place, zoom, width=size[0], height=size[1])
        left, top, right, bottom = grow
        larger = PixelBox(
            zoom, box.left - left, box.top - top, box.right + right, box.bottom + bottom
        )
        crop = np.s_[top : top + box.height, left : left + box.width]
        assert np.array_equal(maps[zoom].picture(larger)[crop], maps[zoom].picture(box))
        assert np.array_equal(maps[zoom].classes(larger)[crop], maps[zoom].classes(box))

    check()


def test_the_order_of_asking_does_not_matter(maps: dict[int, WorldMap]) -> None:
    zoom = 14
    boxes = [box_round(x, 40, zoom, width=70, height=50) for x in (-60, 60)]
    other = WorldMap(World(SEED), zoom)
    pictures = [other.picture(box) for box in boxes[::-1]][::-1]
    for box, picture in zip(boxes, pictures, strict=True):
        assert np.array_equal(maps[zoom].picture(box), picture)


@pytest.mark.parametrize("zoom", [14, 16])
def test_blocks_show_no_seam(world: World, maps: dict[int, WorldMap], zoom: int) -> None:
    box = box_round(0, -200, zoom, width=240, height=200)
    whole = world.objects(grown(box.mercator_bounds(), 300.0 + 100 * mercator_resolution(zoom)))
    drawing = MapDrawing(generalise(whole, zoom, metre=1.0), zoom, generalised=True)
    step = np.abs(drawing.picture(box).astype(int) - maps[zoom].picture(box)).max(axis=-1)
    assert (step > 60).mean() < 0.001
    assert (drawing.classes(box) != maps[zoom].classes(box)).mean() < 0.002


def test_tiles_do_not_depend_on_the_area_that_is_drawn(world: World) -> None:
    tile_side = 360 / (1 << 14)
    inner = (tile_side * 0.3, tile_side * 0.3, tile_side * 0.4, tile_side * 0.4)
    areas = [
        Area((-tile_side * 0.1, *inner[1:3], tile_side * 0.6), (14, 15)),
        Area(inner, (14, 15)),
    ]
    drawn: list[dict[tuple[int, int, int], bytes]] = []
    for area in areas:
        tiles: dict[tuple[int, int, int], bytes] = {}
        count = draw_world(
            world, area, lambda tile, rgb, into=tiles: into.update({tile: rgb.tobytes()})
        )
        assert count == len(tiles) == sum(len(area.tiles(zoom)) for zoom in area.zooms)
        drawn.append(tiles)
    assert len(drawn[1]) < len(drawn[0])
    assert drawn[1].items() <= drawn[0].items()


def test_a_box_of_another_zoom_is_refused(maps: dict[int, WorldMap]) -> None:
    with pytest.raises(ValueError, match=r"zoom 16.*zoom 17"):
        maps[16].picture(PixelBox(17, 0, 0, 8, 8))
