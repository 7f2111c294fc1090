"""APLS-px: are the ways through the road network as long as they should be?

Average path length similarity (Van Etten, Lindenbaum and Bacastow 2018) on skeletons: shortest ways
between points of one network are compared with the ways between the nearest points of the other.
One cut that lengthens a way, or makes it impossible, costs what a traveller loses. It belongs on
mosaics: on single tiles all ways end at the rim.
"""

from __future__ import annotations

from typing import Any

import numpy as np

POINTS = 24  # drawn on each network
SNAP = 6.0  # px from a point to the other network
_SHORTEST = 20.0  # px: shorter ways say nothing


def apls(predicted: np.ndarray, truth: np.ndarray, *, seed: int = 0) -> float:
    """Similarity of the ways of two skeletons bool [H,W], 0 to 1.

    Points are drawn on the true network and sought on the drawn one, then the other way round; the
    result is the harmonic mean. NaN where the truth has no way of 20 px.
    """
    network, true_network = _Network(predicted), _Network(truth)
    rng = np.random.default_rng(seed)
    forth = _similarity(true_network, network, rng)
    if not np.isfinite(forth):
        return float("nan")
    back = _similarity(network, true_network, rng)
    if not np.isfinite(back) or forth + back == 0:
        return 0.0
    return 2 * forth * back / (forth + back)


class _Network:
    """A skeleton as a graph of its pixels, neighbours by side 1 apart, by corner 1.41."""

    def __init__(self, skeleton: np.ndarray) -> None:
        self.points = np.argwhere(skeleton)
        number = np.full(skeleton.shape, -1, dtype=np.int64)
        number[tuple(self.points.T)] = np.arange(len(self.points))
        self._graph = _graph(number, len(self.points))

    def distances(self, sources: np.ndarray) -> np.ndarray:
        """Shortest ways between all sources (indices of points), float64 [n,n], inf for none."""
        from scipy.sparse.csgraph import dijkstra

        found: np.ndarray = dijkstra(self._graph, directed=False, indices=sources)
        return found[:, sources]


def _graph(number: np.ndarray, count: int) -> Any:
    from scipy.sparse import coo_matrix

    rows, columns, weights = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        if right >= 0:
            first, second = number[: -down or None, : -right or None], number[down:, right:]
        else:
            first, second = number[:-down, 1:], number[down:, :-1]
        both = (first >= 0) & (second >= 0)
        rows.append(first[both])
        columns.append(second[both])
        weights.append(np.full(np.count_nonzero(both), np.hypot(down, right)))
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    return coo_matrix(entries, shape=(count, count)).tocsr()


def _similarity(network: _Network, other: _Network, rng: np.random.Generator) -> float:
    """Mean similarity of the ways between points of a network; NaN without such ways."""
    from scipy.spatial import cKDTree

    if not len(network.points):
        return float("nan")
    chosen = rng.choice(len(network.points), min(POINTS, len(network.points)), replace=False)
    lengths = network.distances(chosen)
    first, second = np.triu_indices(len(chosen), 1)
    ways = lengths[first, second]
    counted = np.isfinite(ways) & (ways > _SHORTEST)
    if not counted.any():
        return float("nan")
    if not len(other.points):
        return 0.0
    gap, snapped = cKDTree(other.points).query(network.points[chosen])
    theirs = other.distances(snapped)
    theirs[gap > SNAP] = np.inf
    theirs[:, gap > SNAP] = np.inf
    ways, others = ways[counted], theirs[first, second][counted]
    cost = np.where(np.isfinite(others), np.abs(ways - others) / ways, 1.0)
    return float(1 - np.minimum(1.0, cost).mean())
