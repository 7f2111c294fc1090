"""What stands on each plot: buildings, car parks, parks, fields, and the lines that lead there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from shapely.affinity import rotate

from .gardens import Details, details, stored_boxes
from .greenery import blob, field_parcels, winding_paths
from .parcels import Parcel
from .plots import (
    HOUSE_RULES,
    Buildings,
    courtyard_houses,
    halls,
    joined,
    rim_houses,
    slabs,
    standing,
)

QUARTERS = (*HOUSE_RULES, "slabs", "commercial", "industry")
SETTLED_ROOM = 32.0  # metres round a building that count as built-up
WALKED_AREA = 40_000.0  # square metres of a wood that has a track
NO_FRONTAGE = ("slabs", "commercial", "industry", "backland", "court", "farm")
HOMES_WITH_DRIVES = ("villas", "grid houses", "curved houses", "desert villas", "backland", "farm")


@dataclass
class Planner:
    """Takes plots one after the other and gathers what stands on them.

    Attributes:
        climate: of the town.
        lines: roads by kind; lines to houses, aisles and paths are added.
        rng: source of chance.
        frontage: metres from the front of a house to the middle of its road, at most.
    """

    climate: str
    lines: dict[str, list[Any]]
    rng: np.random.Generator
    parcels: list[Parcel] = field(default_factory=list)
    built_up: list[Any] = field(default_factory=list)
    hedgerows: list[np.ndarray] = field(default_factory=list)
    buildings: Buildings = field(default_factory=Buildings)
    details: Details = field(default_factory=Details)
    frontage: float = np.inf
    _groups: list[Buildings] = field(default_factory=list)
    _sites: list[Any] = field(default_factory=list)
    _homes: list[np.ndarray] = field(default_factory=list)
    _boxes: list[np.ndarray] = field(default_factory=list)

    def plan(self, plot: Any, use: str) -> None:
        """Use a plot."""
        if use in QUARTERS:
            self._urban(plot, use)
        elif use == "park":
            self._park(plot)
        elif use == "fields":
            self._fields(plot)
        elif use == "wood" and plot.area > WALKED_AREA:
            self._add(plot, use)
            count = int(min(5, 1 + plot.area / 200_000))
            self.lines["track"] += winding_paths(plot, count, self.rng)
        else:
            self._add(plot, use)

    def finish(self) -> None:
        """Settle which buildings stand, and draw the ways to them."""
        if self._groups:
            candidates, homes = joined(self._groups), np.concatenate(self._homes)
            sites = np.array(self._sites, dtype=object)
            kept = standing(candidates, sites, homes, shared=0.8)
            kept = kept[self._on_a_road(candidates.chosen(kept))]
            self.buildings = candidates.chosen(kept)
            self.details = details(self.buildings, sites, homes[kept], self.climate, self.rng)
            if np.isfinite(self.frontage):
                self.built_up = self._really_built_up()
        if self._boxes:
            self.details.boxes = np.concatenate(self._boxes)
        self._add_ways()

    def _add(self, shape: Any, use: str, heading: float = 0.0) -> None:
        chance = float(self.rng.random())
        for part in shapely.get_parts(shape if shape.is_valid else shapely.make_valid(shape)):
            if shapely.get_type_id(part) == 3:
                self.parcels.append(Parcel(use, part, heading, chance))

    def _urban(self, plot: Any, use: str) -> None:
        rng = self.rng
        if plot.area < 350:
            self._add(plot, "verge")
            return
        luck = rng.random()
        if luck < 0.05 and plot.area < 40_000:
            self._park(plot)
            return
        self.built_up.append(plot)
        if luck < 0.065 and 2500 < plot.area < 40_000:
            self._add(plot, "bare")  # a building site
            return
        if use == "slabs" and plot.area > 5000:
            self._add(plot, use)
            self._stand(slabs(plot, rng), plot.buffer(-6))
        elif use in ("commercial", "industry") and plot.area > 3000:
            self._add(plot, use)
            buildings, free = halls(plot, use, rng)
            self._stand(buildings, plot.buffer(-3))
            for ground in free:
                self._open_ground(ground, plot, use)
        else:
            self._stand(rim_houses(plot, use if use in HOUSE_RULES else "terraces", rng), plot)
            greens = self._interior(plot)
            # parcels that lie in one another would be painted in no certain order
            self._add(plot.difference(shapely.union_all(greens)) if greens else plot, use)
            if use in ("old", "perimeter"):
                self._stand(courtyard_houses(plot, rng), plot)

    def _interior(self, plot: Any) -> list[Any]:
        """Ground behind the gardens of a deep plot: a second row of houses, or greens.

        Returns:
            The greens: woods and parks.
        """
        greens = []
        for inner in shapely.get_parts(plot.buffer(-38).buffer(6)):
            if inner.area < 2200:
                continue
            luck = self.rng.random()
            if luck < 0.5:
                self._add(inner, "wood" if luck < 0.3 and self.climate != "desert" else "park")
                greens.append(inner)
            else:
                self._stand(rim_houses(inner, "backland", self.rng), inner)
        return greens

    def _stand(self, buildings: Buildings, site: Any) -> None:
        self._groups.append(buildings)
        self._homes.append(np.full(len(buildings.heights), len(self._sites)))
        self._sites.append(site)

    def _open_ground(self, ground: Any, plot: Any, use: str) -> None:
        """A car park, a yard with goods, or grass, on a rectangle between halls."""
        if not plot.buffer(-2).covers(ground):
            return
        luck = self.rng.random()
        if luck < (0.75 if use == "commercial" else 0.35):
            self._parking(ground)
        elif luck < 0.8:
            self._add(ground, "yard")
            self._boxes.append(stored_boxes(ground, self.rng))
        else:
            self._add(ground, "verge")

    def _parking(self, lot: Any) -> None:
        corners = np.array(lot.exterior.coords)[:4]
        run = corners[1] - corners[0]
        self._add(lot, "parking", float(np.arctan2(run[1], run[0])))
        depth = float(np.hypot(*(corners[3] - corners[0])))
        for place in np.arange(8.0, depth - 6, 16.0):
            share = place / depth
            ends = corners[:2] * (1 - share) + corners[[3, 2]] * share
            self.lines["driveway"].append(shapely.LineString(ends))

    def _park(self, plot: Any) -> None:
        rng = self.rng
        self._add(plot, "park")
        if plot.area > 9000 and rng.random() < 0.4:
            pitch = _pitch(plot, rng)
            if plot.buffer(-6).covers(pitch):
                self._add(pitch, "pitch")
        if plot.area > 2000:
            count = 1 + int(plot.area > 8000) + int(plot.area > 30_000)
            self.lines["footpath"] += winding_paths(plot, count, rng)

    def _fields(self, plot: Any) -> None:
        rng = self.rng
        grass = "open" if self.climate == "desert" else "meadow"  # no grass grows by itself there
        if plot.area < 4000:
            self._add(plot, grass)
            return
        scale = float(rng.choice([0.6, 1.0, 1.6, 2.2]))
        size = scale * rng.uniform(50, 90), scale * rng.uniform(130, 230)
        parcels, cuts, heading = field_parcels(plot, rng, size=size)
        for parcel in parcels:
            luck = rng.random()
            use = "fields" if luck < 0.75 else grass if luck < 0.93 else "wood"
            turn = (np.pi / 2) * (rng.random() < 0.3)
            self._add(parcel, use if parcel.area > 1500 else grass, heading + turn)
        self._field_edges(cuts)
        for _ in range(rng.poisson(plot.area / 350_000)):
            self._grove(plot)

    def _grove(self, plot: Any) -> None:
        """A wood that grew across the borders of fields."""
        left, bottom, right, top = plot.bounds
        middle = self.rng.uniform((left, bottom), (right, top))
        grove = blob(self.rng, middle, self.rng.uniform(25, 160), rough=0.4)
        for part in shapely.get_parts(grove.intersection(plot.buffer(-3))):
            if part.area > 800:
                self._add(part, "wood")

    def _field_edges(self, cuts: list[Any]) -> None:
        rng = self.rng
        for cut in cuts:
            if shapely.get_type_id(cut) != 1 or cut.length < 60:
                continue
            luck = rng.random()
            if luck < 0.16:
                self.lines["track"].append(cut)
                if rng.random() < 0.15:
                    self.farm(cut)
            elif luck < 0.5 and self.climate != "desert":
                steps = np.arange(0, cut.length, rng.uniform(4, 8))
                row = shapely.get_coordinates(shapely.line_interpolate_point(cut, steps))
                row = row[rng.random(len(row)) < rng.uniform(0.5, 1)]
                row = row + rng.normal(0, 1.3, row.shape)
                radii = 1.4 + 3.4 * rng.beta(1.4, 1.6, len(row))
                self.hedgerows.append(np.column_stack([row, radii]))

    def farm(self, track: Any) -> None:
        """A farmyard beside a track."""
        place = track.interpolate(self.rng.uniform(0.2, 0.8), normalized=True)
        yard = place.buffer(self.rng.uniform(32, 55)).difference(track.buffer(4))
        for part in shapely.get_parts(yard):
            holder = [parcel for parcel in self.parcels if parcel.shape.covers(part)]
            if holder and part.area > 900:
                self._add(part, "farm")
                self.built_up.append(part)
                self._stand(rim_houses(part, "farm", self.rng), part)

    def _really_built_up(self) -> list[Any]:
        """Built-up plots without the deep ground on which nothing stands."""
        plots = np.array(self.built_up, dtype=object)
        houses = self.buildings.polygons()
        own, house = shapely.STRtree(houses).query(plots, predicate="intersects")
        near = shapely.buffer(houses[house], SETTLED_ROOM, quad_segs=2)
        grounds = []
        for plot, first, last in _runs(own):
            part = shapely.union_all(near[first:last]).intersection(plots[plot])
            if part.area > 0.8 * plots[plot].area:
                part = plots[plot]
            grounds += [p for p in shapely.get_parts(part) if p.area > 100]
        return grounds

    def _on_a_road(self, houses: Buildings) -> np.ndarray:
        """Which buildings have a road before them, or need none, bool [n]."""
        needless = np.isin(houses.quarters, NO_FRONTAGE)
        if not np.isfinite(self.frontage):
            return np.ones(len(needless), dtype=bool)
        kinds = ("street", "main_road", "service")
        roads = np.array([line for kind in kinds for line in self.lines[kind]], dtype=object)
        fronts = shapely.points(houses.corners[:, :2].mean(1))
        served = shapely.STRtree(roads).query(fronts, "dwithin", distance=self.frontage)[0]
        needless[served] = True
        return needless

    def _add_ways(self) -> None:
        """Lines from house fronts and car parks to the nearest street."""
        roads = np.array(self.lines["street"] + self.lines["main_road"], dtype=object)
        if not len(roads):
            return
        tree, houses, rng = shapely.STRtree(roads), self.buildings, self.rng
        home = np.isin(houses.quarters, HOMES_WITH_DRIVES) & (houses.heights > 2.7)
        corners = houses.corners[home & (rng.random(len(home)) < 0.75)]
        side = rng.choice([0.15, 0.85], len(corners))[:, None]
        fronts = shapely.points(corners[:, 0] * (1 - side) + corners[:, 1] * side)
        drives = shapely.shortest_line(
            fronts, roads[tree.query_nearest(fronts, all_matches=False)[1]]
        )
        reach = shapely.length(drives)
        self.lines["driveway"] += list(drives[(reach > 4) & (reach < 26)])
        lots = np.array(
            [p.shape.centroid for p in self.parcels if p.use == "parking"], dtype=object
        )
        if not len(lots):
            return
        ways = shapely.shortest_line(lots, roads[tree.query_nearest(lots, all_matches=False)[1]])
        blocked = shapely.STRtree(houses.polygons()).query(ways, predicate="intersects")[0]
        clear = np.ones(len(ways), dtype=bool)
        clear[blocked] = False
        self.lines["service"] += list(ways[clear & (shapely.length(ways) < 140)])


def _runs(values: np.ndarray) -> list[tuple[int, int, int]]:
    """(value, first, last) of runs of equal values in a sorted array."""
    if not len(values):
        return []
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    ends = np.r_[starts[1:], len(values)]
    return [(int(values[a]), int(a), int(b)) for a, b in zip(starts, ends, strict=True)]


def _pitch(plot: Any, rng: np.random.Generator) -> Any:
    middle = plot.representative_point()
    length, width = rng.choice([(100.0, 64.0), (60.0, 40.0), (36.0, 18.0)])
    half = length / 2, width / 2
    upright = shapely.box(
        middle.x - half[0], middle.y - half[1], middle.x + half[0], middle.y + half[1]
    )
    return rotate(upright, rng.uniform(0, 180))
