"""Middle lines of a map as lines from junction to junction, each with its class."""

from __future__ import annotations

import numpy as np

from ..grid import mercator_resolution
from ..legend import LEGEND
from .read_classes import Classes

LEAST_SPUR = 14  # px; shorter dead ends are hairs of the thinning, not roads
TOLERANCE = 1.0  # px

Pixel = tuple[int, int]
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))


def trace_lines(classes: Classes) -> dict[str, list[np.ndarray]]:
    """Lines by class, float [N,2] in metres of EPSG:3857; they meet in junctions and cross no
    other line.
    """
    left, _, _, top = classes.box.mercator_bounds()
    size = mercator_resolution(classes.box.zoom)
    found: dict[int, list[list[Pixel]]] = {}
    for pixels in _Graph(classes.lines > 0).lines():
        values = [classes.lines[pixel] for pixel in pixels if classes.lines[pixel]]
        number = int(np.bincount(values).argmax()) if values else 0
        if number and len(pixels) > 1:
            found.setdefault(number, []).append(pixels)
    return {
        LEGEND[number].name: [
            np.array([left, top]) + _smooth(line) * np.array([size, -size])
            for line in _joined(lines)
        ]
        for number, lines in sorted(found.items())
    }


def _joined(lines: list[list[Pixel]]) -> list[list[Pixel]]:
    """Lines with those made one that two of them alone meet in an end."""
    ends: dict[Pixel, list[int]] = {}
    for number, line in enumerate(lines):
        for end in (line[0], line[-1]):
            ends.setdefault(end, []).append(number)
    whole = dict(enumerate(lines))
    place = {number: number for number in whole}  # where a line has gone
    for end, met in ends.items():
        first, second = (_place(place, number) for number in (met[0], met[-1]))
        if len(met) != 2 or first == second:
            continue
        one, other = whole[first], whole.pop(second)
        one = one if one[-1] == end else one[::-1]
        other = other if other[0] == end else other[::-1]
        whole[first] = [*one, *other[1:]]
        place[second] = first
    return list(whole.values())


def _place(place: dict[int, int], number: int) -> int:
    while place[number] != number:
        number = place[number]
    return number


def _smooth(pixels: list[Pixel]) -> np.ndarray:
    """The middles of pixels as a line (column, row), smoothed between its ends and simplified."""
    points = np.array(pixels, dtype=np.float64)[:, ::-1] + 0.5
    if len(points) > 4:
        smooth = points.copy()
        smooth[1:-1] = (points[:-2] + points[1:-1] + points[2:]) / 3
        points = smooth
    simple: np.ndarray = points[_kept(points, TOLERANCE)]
    return simple


def _kept(points: np.ndarray, tolerance: float) -> np.ndarray:
    """The points without which a line would move by more than a tolerance (Douglas, Peucker)."""
    kept = np.zeros(len(points), dtype=bool)
    kept[[0, -1]] = True
    parts = [(0, len(points) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:
            continue
        base = points[last] - points[first]
        length = float(np.hypot(*base))
        ways = points[first + 1 : last] - points[first]
        if length:  # to the segment, which a point may lie beyond
            along = np.clip(ways @ base / length**2, 0, 1)
            ways = ways - along[:, None] * base
        far = np.hypot(ways[:, 0], ways[:, 1])
        middle = first + 1 + int(far.argmax())
        if far[middle - first - 1] > tolerance:
            kept[middle] = True
            parts += [(first, middle), (middle, last)]
    return kept


class _Graph:
    """Skeleton pixels as chains between dead ends and junctions.

    A junction is a cluster of pixels with more than two neighbours; its lines end in one of them.
    """

    def __init__(self, skeleton: np.ndarray) -> None:
        from scipy.ndimage import convolve, label

        around = convolve(skeleton.astype(np.uint8), np.ones((3, 3), np.uint8), mode="constant")
        neighbours = np.where(skeleton, around - 1, 0)
        clusters, count = label(skeleton & (neighbours > 2), structure=np.ones((3, 3)))
        self._skeleton = skeleton
        self._ends = skeleton & (neighbours <= 1)
        self._clusters: np.ndarray = clusters
        self._hubs = _hubs(clusters, count)
        self._seen: set[Pixel] = set()

    def lines(self) -> list[list[Pixel]]:
        """Chains of pixels, without the hairs of the thinning."""
        chains = []
        for pixel in _pixels(self._clusters > 0):
            for first in self._neighbours(pixel):
                if self._is_free(first):
                    chains.append(self._follow(first, self._hub(pixel)))
        # Then what touches no junction: lines from end to end, and rings last.
        for start in (self._ends, self._skeleton & (self._clusters == 0)):
            for first in _pixels(start):
                if self._is_free(first):
                    chains.append(self._follow(first, None))
        return [chain for chain in chains if chain]

    def _follow(self, pixel: Pixel, hub: Pixel | None) -> list[Pixel]:
        """The chain from a pixel on, from the hub it leaves to where it ends; empty for a hair."""
        chain = [pixel]
        self._seen.add(pixel)
        while free := [p for p in self._neighbours(pixel) if self._is_free(p)]:
            pixel = free[0]
            chain.append(pixel)
            self._seen.add(pixel)
        around = self._neighbours(pixel)
        hubs = [self._hub(p) for p in around if self._clusters[p]]
        # The first pixels of a chain still touch the junction that it leaves.
        reached = [other for other in hubs if other != hub or len(chain) > 2]
        if reached:
            return [*([hub] if hub else []), *chain, reached[0]]
        if hub is None and len(chain) > 2 and chain[0] in around:
            return [*chain, chain[0]]  # a ring
        if len(chain) < LEAST_SPUR:
            return []
        return [*([hub] if hub else []), *chain]

    def _is_free(self, pixel: Pixel) -> bool:
        return not self._clusters[pixel] and pixel not in self._seen

    def _hub(self, pixel: Pixel) -> Pixel:
        return self._hubs[int(self._clusters[pixel]) - 1]

    def _neighbours(self, pixel: Pixel) -> list[Pixel]:
        height, width = self._skeleton.shape
        places = ((pixel[0] + down, pixel[1] + right) for down, right in _STEPS)
        return [
            (row, column)
            for row, column in places
            if 0 <= row < height and 0 <= column < width and self._skeleton[row, column]
        ]


def _pixels(mask: np.ndarray) -> list[Pixel]:
    return [(row, column) for row, column in np.argwhere(mask).tolist()]


def _hubs(clusters: np.ndarray, count: int) -> list[Pixel]:
    """Of each cluster the pixel nearest to its middle."""
    from scipy.ndimage import find_objects

    hubs = []
    for number, where in enumerate(find_objects(clusters, count), start=1):
        pixels = np.argwhere(clusters[where] == number)
        nearest = np.square(pixels - pixels.mean(0)).sum(1).argmin()
        row, column = pixels[nearest].tolist()
        hubs.append((row + where[0].start, column + where[1].start))
    return hubs
