"""Strokes: lines between forks that go straight on into each other, as a driver would."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

Shapes = np.ndarray[Any, np.dtype[np.object_]]
_STRAIGHT = -0.85  # cosine between two ends that face each other: a turn below 32 degrees


def strokes(edges: Shapes) -> Shapes:
    """The strokes of a network as one line each.

    Args:
        edges: line strings between forks.
    """
    joined = []
    for chain in _chains(edges):
        parts = [shapely.get_coordinates(edges[end // 2])[:: -1 if end % 2 else 1] for end in chain]
        joined.append(shapely.linestrings(np.concatenate(parts)))
    return np.array(joined, dtype=object)


def stroke_numbers(edges: Shapes) -> np.ndarray:
    """The number of the stroke that each edge belongs to, int [n]."""
    numbers = np.zeros(len(edges), dtype=np.int64)
    for number, chain in enumerate(_chains(edges)):
        numbers[[end // 2 for end in chain]] = number
    return numbers


def _chains(edges: Shapes) -> list[list[int]]:
    """Edges in the order of their strokes, each by the end at which the stroke enters it.

    End 2i is where edge i begins, end 2i + 1 where it stops.
    """
    points, edge_of = shapely.get_coordinates(edges, return_index=True)
    if not len(points):
        return []
    first = np.flatnonzero(np.r_[True, edge_of[1:] != edge_of[:-1]])
    last = np.r_[first[1:], len(points)] - 1
    ends = np.stack([points[first], points[last]], axis=1).reshape(-1, 2)
    inner = np.stack([points[first + 1], points[last - 1]], axis=1).reshape(-1, 2)
    outwards = (ends - inner) / np.maximum(np.hypot(*(ends - inner).T), 1e-9)[:, None]
    place = np.unique(np.round(ends, 2), axis=0, return_inverse=True)[1].ravel()
    partner = _straight_on(place, outwards)
    seen = np.zeros(len(edges), dtype=bool)
    chains = []
    # Chains are begun at ends without partner; what is left after them are rings.
    for start in [*np.flatnonzero(partner < 0), *range(len(ends))]:
        chain, end = [], int(start)
        while end >= 0 and not seen[end // 2]:
            seen[end // 2] = True
            chain.append(end)
            end = int(partner[end ^ 1])
        if chain:
            chains.append(chain)
    return chains


def _straight_on(place: np.ndarray, outwards: np.ndarray) -> np.ndarray:
    """For each end the end in which its line goes straight on, -1 where there is none."""
    order = np.argsort(place, kind="stable")
    partner = np.full(len(place), -1)
    for fork in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
        facing = outwards[fork] @ outwards[fork].T  # -1 where two ends face each other
        np.fill_diagonal(facing, 1.0)
        while facing.min() < _STRAIGHT:
            one, other = np.unravel_index(facing.argmin(), facing.shape)
            partner[fork[one]], partner[fork[other]] = fork[other], fork[one]
            facing[[one, other]] = facing[:, [one, other]] = 1.0
    return partner
