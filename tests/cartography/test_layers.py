import numpy as np
import shapely

from c2gm.cartography.layers import LONGEST_PIECE, MOVE, area_layer, disc_layer, line_layer

from .conftest import shapes

EVERYWHERE = (-1e9, -1e9, 1e9, 1e9)


def pieces(vertices: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
    return np.split(vertices, np.flatnonzero(codes == MOVE)[1:])


def test_dashes_bend_with_their_line_and_keep_their_length() -> None:
    corner = shapely.LineString([(0, 0), (20, 0), (20, 20)])
    found = line_layer(shapes(corner), (6.0, 3.0)).within(EVERYWHERE)
    assert found is not None
    dashes = [shapely.LineString(piece) for piece in pieces(*found)]
    assert [round(dash.length, 2) for dash in dashes] == [6, 6, 6, 6, 4]
    assert all(corner.buffer(0.01).contains(dash) for dash in dashes)
    assert [(18.0, 0.0), (20.0, 0.0), (20.0, 4.0)] == list(dashes[2].coords)


def test_dashes_of_a_second_line_begin_at_its_own_start() -> None:
    lines = shapes(
        shapely.LineString([(0, 0), (10, 0)]), shapely.LineString([(100, 50), (110, 50)])
    )
    found = line_layer(lines, (6.0, 3.0)).within(EVERYWHERE)
    assert found is not None
    ends = [(piece[0].tolist(), piece[-1].tolist()) for piece in pieces(*found)]
    assert ends == [
        ([0, 0], [6, 0]),
        ([9, 0], [10, 0]),
        ([100, 50], [106, 50]),
        ([109, 50], [110, 50]),
    ]


def test_areas_whose_rim_touches_itself_are_not_lost() -> None:
    # A square with a bay that reaches its left side, which rounding can make.
    rim = [(0, 0), (90, 0), (90, 90), (0, 90), (0, 45), (40, 60), (40, 30), (0, 45)]
    found = area_layer(shapes(shapely.Polygon(rim))).within(EVERYWHERE)
    assert found is not None
    rings = [shapely.LinearRing(piece) for piece in pieces(*found)]
    area = sum(shapely.Polygon(ring).area * (1 if ring.is_ccw else -1) for ring in rings)
    assert np.isclose(area, 90 * 90 - 40 * 30 / 2)


def test_only_items_near_the_box_are_given() -> None:
    layer = area_layer(shapes(shapely.box(0, 0, 10, 10), shapely.box(100, 0, 110, 10)))
    found = layer.within((90, 0, 120, 20))
    assert found is not None
    assert found[0][:, 0].min() == 100
    assert layer.within((40, 0, 60, 20)) is None


def test_shells_and_holes_run_opposite_ways() -> None:
    shell, hole = shapely.box(0, 0, 20, 20), shapely.box(5, 5, 10, 10)
    for ring in (hole.exterior.coords, hole.exterior.coords[::-1]):
        polygon = shapely.Polygon(shell.exterior.coords, [ring])
        found = area_layer(shapes(polygon)).within(EVERYWHERE)
        assert found is not None
        first, second = (shapely.LinearRing(piece) for piece in pieces(*found))
        assert first.is_ccw != second.is_ccw


def test_long_edges_are_divided_and_all_points_lie_on_the_grid_of_the_canvas() -> None:
    layer = area_layer(shapes(shapely.box(0.1234, 0.1, 1000.3, 10)))
    edges = np.hypot(*np.diff(layer.vertices, axis=0).T)
    assert edges.max() <= LONGEST_PIECE + 1 / 128
    assert (layer.vertices * 256 % 1 == 0).all()


def test_large_polygons_are_cut_without_loss() -> None:
    angles = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    disc = shapely.Polygon(np.stack([np.cos(angles), np.sin(angles)], axis=1) * 900 + 0.37)
    layer = area_layer(shapes(disc))
    assert len(layer.first) - 1 > 4
    rings = pieces(layer.vertices, layer.codes)
    assert np.isclose(sum(shapely.Polygon(ring).area for ring in rings), disc.area, rtol=1e-5)
    near = layer.within((-20, -20, 20, 20))
    assert near is not None and len(near[0]) < len(layer.vertices)


def test_discs_have_their_diameter() -> None:
    layer = disc_layer(np.array([[10.0, 20.0]]), 5.0)
    assert np.allclose(np.ptp(layer.vertices, axis=0), 5.0, atol=0.02)
