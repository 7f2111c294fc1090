"""Which places a road joins: a planar graph over the endless plane, found place by place.

Nodes are the points of a jittered lattice. Two are joined where no third lies in the lune between
them (a beta-skeleton, beta 1.55): the graph is planar, hangs together, its edges meet at wide
angles, and whether an edge exists depends on the points nearby alone. Its faces tile the plane.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .chance import generator

Node = tuple[int, int]
FaceKey = tuple[Node, ...]
Bounds = tuple[float, float, float, float]
_JITTER = 0.34  # of the spacing
_BETA = 1.55
_REACH = 3  # cells within which neighbours lie
_LONGEST_WALK = 80


class Topology:
    """Nodes, edges and faces of a seed's graph."""

    def __init__(self, seed: int, spacing: float) -> None:
        """Take the mean distance between nodes in metres."""
        self.spacing = spacing
        self._seed = seed
        self.place = lru_cache(maxsize=1 << 15)(self._place)
        self.neighbours = lru_cache(maxsize=1 << 13)(self._neighbours)

    def nodes_within(self, bounds: Bounds) -> list[Node]:
        """Nodes whose lattice cells touch bounds."""
        left, bottom, right, top = (int(np.floor(edge / self.spacing)) for edge in bounds)
        return [(i, j) for j in range(bottom, top + 1) for i in range(left, right + 1)]

    def faces_around(self, bounds: Bounds) -> set[FaceKey]:
        """Keys of all faces that can touch bounds, and of some that do not.

        A key is the walk round the face, counter-clockwise, from its smallest node.
        """
        room = 2.5 * self.spacing
        left, bottom, right, top = bounds
        nodes = self.nodes_within((left - room, bottom - room, right + room, top + room))
        walked: set[tuple[Node, Node]] = set()
        faces: set[FaceKey] = set()
        for first in nodes:
            for second in self.neighbours(first):
                if (first, second) not in walked:
                    walk = self._walk(first, second)
                    walked.update(zip(walk, (*walk[1:], walk[0]), strict=True))
                    faces.add(_canonical(walk))
        return faces

    def _walk(self, first: Node, second: Node) -> list[Node]:
        """Nodes round the face that lies on the left of an edge."""
        walk = [first]
        before, here = first, second
        for _ in range(_LONGEST_WALK):
            around = self.neighbours(here)
            after = around[around.index(before) - 1]
            if (here, after) == (first, second):
                return walk
            walk.append(here)
            before, here = here, after
        raise RuntimeError(f"The face left of {first} to {second} does not close.")

    def _place(self, node: Node) -> tuple[float, float]:
        rng = generator(self._seed, 1, *node)
        x, y = (np.array(node) + 0.5 + rng.uniform(-_JITTER, _JITTER, 2)) * self.spacing
        return float(x), float(y)

    def _neighbours(self, node: Node) -> tuple[Node, ...]:
        """Nodes joined to one, counter-clockwise."""
        reach = range(-_REACH - 1, _REACH + 2)
        others = [(node[0] + i, node[1] + j) for i in reach for j in reach if (i, j) != (0, 0)]
        places = np.array([self.place(other) for other in others])
        here = np.array(self.place(node))
        runs = places - here
        distance = np.hypot(*runs.T)
        ends = np.flatnonzero(distance < (_REACH - 0.5) * self.spacing)
        radius = _BETA / 2 * distance[ends, None]
        inside = np.ones((len(ends), len(others)), dtype=bool)
        for share in (_BETA / 2, 1 - _BETA / 2):
            away = places[None] - (here + runs[ends] * share)[:, None]
            inside &= (away**2).sum(2) < radius**2
        inside[np.arange(len(ends)), ends] = False
        joined = ends[~inside.any(1)]
        angles = np.arctan2(runs[joined, 1], runs[joined, 0])
        return tuple(others[index] for index in joined[np.argsort(angles)].tolist())


def _canonical(walk: list[Node]) -> FaceKey:
    turns = [tuple(walk[k:] + walk[:k]) for k in range(len(walk)) if walk[k] == min(walk)]
    return min(turns)
