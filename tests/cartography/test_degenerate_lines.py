import numpy as np
import shapely

from c2gm.cartography.layers import line_layer


def test_a_line_without_length_is_left_out_and_does_not_stop_the_drawing():
    shapes = np.array([shapely.LineString([(5, 5), (5, 5)]), shapely.LineString([(0, 0), (40, 0)])])
    with_stub, without = line_layer(shapes), line_layer(shapes[1:])
    assert np.array_equal(with_stub.vertices, without.vertices)
