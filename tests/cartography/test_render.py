import pickle

import numpy as np
import pytest
import shapely

from c2gm.cartography.layers import LONGEST_PIECE
from c2gm.cartography.map_objects import MapObjects
from c2gm.cartography.render import MARGIN, MapDrawing
from c2gm.cartography.style import WIDEST_HALF
from c2gm.grid import PixelBox, mercator_resolution
from c2gm.legend import CLASS_ID, GROUND, LEGEND

from .conftest import EAST, NORTH, SIDE, box_at, line, rectangle, shapes

ZOOMS = range(14, 19)


@pytest.fixture(scope="module")
def drawings(town: MapObjects) -> dict[int, MapDrawing]:
    return {zoom: MapDrawing(town, zoom) for zoom in ZOOMS}


def whole(zoom: int) -> PixelBox:
    side = int(SIDE / mercator_resolution(zoom))
    return box_at(zoom, SIDE / 2, SIDE / 2, width=side)


@pytest.mark.parametrize("zoom", ZOOMS)
def test_a_crop_of_a_large_box_equals_the_small_box(
    drawings: dict[int, MapDrawing], zoom: int
) -> None:
    drawing, box = drawings[zoom], whole(zoom)
    picture, classes = drawing.picture(box).astype(int), drawing.classes(box)
    rng = np.random.default_rng(zoom)
    for _ in range(12):
        height, width = rng.integers(1, min(200, box.width), size=2)
        row, column = rng.integers(0, box.height - height), rng.integers(0, box.width - width)
        left, top = box.left + int(column), box.top + int(row)
        small = PixelBox(zoom, left, top, left + int(width), top + int(height))
        crop = np.s_[row : row + height, column : column + width]
        assert np.abs(drawing.picture(small) - picture[crop]).max() <= 1
        assert (drawing.classes(small) == classes[crop]).all()


@pytest.mark.parametrize("zoom", ZOOMS)
def test_flat_ids_are_classes_of_the_legend_without_casing(
    drawings: dict[int, MapDrawing], zoom: int
) -> None:
    ids = drawings[zoom].classes(whole(zoom))
    assert ids.dtype == np.uint8
    assert set(np.unique(ids)) <= set(range(CLASS_ID["road casing"]))
    assert {"ground", "main road", "motorway", "wood", "water"} <= {
        LEGEND[i].name for i in set(ids.flat)
    }


@pytest.mark.parametrize("zoom", ZOOMS)
def test_flat_ids_name_the_colour_of_the_picture_away_from_edges(
    drawings: dict[int, MapDrawing], zoom: int
) -> None:
    picture, ids = drawings[zoom].picture(whole(zoom)), drawings[zoom].classes(whole(zoom))
    colours = np.array([entry.colour for entry in LEGEND], dtype=np.uint8)
    assert (colours[ids] == picture).all(axis=-1).mean() > 0.85


def test_the_same_box_is_drawn_the_same_again(town: MapObjects) -> None:
    box = box_at(16, 700, 500, width=320)
    first, second = MapDrawing(town, 16), MapDrawing(town, 16)
    assert (first.picture(box) == second.picture(box)).all()
    assert (first.picture(box) == first.picture(box)).all()


def test_a_drawing_survives_the_way_to_another_process(drawings: dict[int, MapDrawing]) -> None:
    box = box_at(17, 700, 500, width=320)
    copy = pickle.loads(pickle.dumps(drawings[17]))
    assert (copy.picture(box) == drawings[17].picture(box)).all()


def test_a_box_of_another_zoom_is_refused(drawings: dict[int, MapDrawing]) -> None:
    with pytest.raises(ValueError, match="zoom 16.*zoom 17"):
        drawings[16].picture(box_at(17, 0, 0, width=8))


def test_a_box_without_objects_is_ground() -> None:
    drawing = MapDrawing(MapObjects(), 16)
    box = PixelBox(16, -5, -7, 20, 30)
    assert drawing.picture(box).shape == (37, 25, 3)
    assert (drawing.picture(box) == GROUND).all()
    assert (drawing.classes(box) == CLASS_ID["ground"]).all()


def column_through(objects: MapObjects, zoom: int, *, y: float = 0.0) -> np.ndarray:
    """Pixels from north to south across the middle of objects around (500, y)."""
    return MapDrawing(objects, zoom).picture(box_at(zoom, 500, y, width=1, height=60))[:, 0]


@pytest.mark.parametrize(("zoom", "width"), [(14, 4), (15, 6), (16, 9), (17, 14), (18, 18)])
def test_main_roads_have_their_width_and_a_casing_of_one_pixel(zoom: int, width: int) -> None:
    road = MapObjects(lines={"main_road": shapes(line((0, 0), (1000, 0)))})
    column = column_through(road, zoom).astype(float)
    names = ("main road", "road casing", "ground")
    colours = np.array([LEGEND[CLASS_ID[name]].colour for name in names], dtype=float)
    # The shares of the three colours in each pixel; the last row makes them add up to one.
    share, *_ = np.linalg.lstsq(
        np.vstack([colours.T, [1e4] * 3]), np.vstack([column.T, [1e4] * len(column)]), rcond=None
    )
    assert np.isclose(share[0].sum(), width, atol=0.3)
    assert np.isclose(share[1].sum(), 0 if zoom == 14 else 2, atol=0.3)


def test_holes_show_the_ground() -> None:
    hole = rectangle(400, -100, 200, 200).exterior.coords
    wood = shapely.Polygon(rectangle(0, -500, 1000, 1000).exterior.coords, [hole])
    reversed_wood = shapely.Polygon(wood.exterior.coords[::-1], [wood.interiors[0].coords])
    for shape in (wood, reversed_wood):
        ids = MapDrawing(MapObjects(areas={"wood": shapes(shape)}), 16).classes(
            box_at(16, 500, 0, width=300)
        )
        assert ids[150, 150] == CLASS_ID["ground"]
        assert ids[150, 50] == CLASS_ID["wood"]


def test_footpaths_are_dashes_of_six_pixels_and_gaps_of_three() -> None:
    path = MapObjects(lines={"footpath": shapes(line((0, 0), (1000, 0)))})
    row = MapDrawing(path, 18).classes(box_at(18, 500, 0, width=900, height=8)).max(axis=0)
    # Round ends add half the width, 1 px, on each side of a dash.
    drawn = np.diff(np.flatnonzero(np.diff(np.r_[0, row == CLASS_ID["path"], 0].astype(int))))
    assert set(drawn[2:-2:2]) <= {7, 8, 9}
    assert set(drawn[3:-2:2]) <= {1, 2}
    assert np.isclose(len(drawn) / 2, 900 / 9, atol=1.5)


def test_touching_polygons_show_no_hair_line() -> None:
    seam = 500.123
    fields = shapes(rectangle(0, -200, seam, 400), rectangle(seam, -200, 500, 400))
    picture = MapDrawing(MapObjects(areas={"farmland": fields}), 17).picture(
        box_at(17, 500, 0, width=40)
    )
    assert (picture == LEGEND[CLASS_ID["farmland"]].colour).all()


def test_large_polygons_that_are_cut_into_cells_show_no_seam() -> None:
    angles = np.linspace(0, 2 * np.pi, 6000, endpoint=False)
    radius = 600 + 40 * np.sin(40 * angles)
    points = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    lake = shapely.Polygon(points + np.array([EAST, NORTH]))
    drawing = MapDrawing(MapObjects(areas={"water": shapes(lake)}), 18)
    picture = drawing.picture(box_at(18, 0, 0, width=1300))
    assert (picture == LEGEND[CLASS_ID["water"]].colour).all()


def test_roads_lie_over_buildings_and_main_roads_over_streets() -> None:
    objects = MapObjects(
        areas={"building": shapes(rectangle(450, -50, 100, 100))},
        lines={
            "main_road": shapes(line((0, 0), (1000, 0))),
            "street": shapes(line((500, -500), (500, 500))),
        },
    )
    ids = MapDrawing(objects, 17).classes(box_at(17, 500, 0, width=120))
    assert ids[60, 60] == CLASS_ID["main road"]
    assert ids[30, 60] == CLASS_ID["street"]
    assert ids[30, 40] == CLASS_ID["building"]


def test_a_crossing_of_streets_has_no_casing_inside() -> None:
    cross = shapes(line((0, 0), (1000, 0)), line((500, -500), (500, 500)))
    picture = MapDrawing(MapObjects(lines={"street": cross}), 17).picture(
        box_at(17, 500, 0, width=8)
    )
    assert (picture == (255, 255, 255)).all()


def test_road_areas_are_streets_with_a_casing_at_zoom_17() -> None:
    objects = MapObjects(areas={"road_area": shapes(rectangle(0, -15, 1000, 30))})
    column = column_through(objects, 17)
    assert (column[30] == (255, 255, 255)).all()
    casing = np.array(LEGEND[CLASS_ID["road casing"]].colour, dtype=int)
    assert (np.abs(column.astype(int) - casing).max(axis=1) < 60).sum() >= 2


def test_trees_are_discs_of_five_pixels() -> None:
    objects = MapObjects(trees=np.array([[EAST + 500, NORTH]]))
    ids = MapDrawing(objects, 18).classes(box_at(18, 500, 0, width=40))
    assert 17 <= (ids == CLASS_ID["wood"]).sum() <= 23


def test_the_margin_holds_the_longest_piece_and_the_widest_line() -> None:
    # Whatever a style says, no stroke outside the margin reaches into the box.
    assert LONGEST_PIECE + WIDEST_HALF <= MARGIN
