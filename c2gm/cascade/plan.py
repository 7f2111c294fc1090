"""The plan of a map: which zooms are painted from which, and which tiles and windows that takes.

A tile depends on its own and the eight neighbouring windows, and a window on the parent tiles
under it and under the windows at its corners. With exact edges the plan therefore grows the asked
tiles, from the highest zoom down, by what they depend on; the extra tiles are painted, but not
written to the map.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import AreaError, ConfigError
from ..grid import Area, PixelBox, TileRange, pixels_of_bounds, tiles_of_box
from ..map_scale import zoom_step
from ..painting.geometry import Geometry, geometry_of
from ..references import parent_box
from .settings import GenerateSettings, StageStep, cascade_steps

HIGHEST_ZOOM = 22  # of an area, and so of the stages below it


@dataclass(frozen=True)
class Stage:
    """One zoom of the cascade.

    Attributes:
        zoom: Its zoom.
        cascade_factor: Factor to its reference, None without one.
        copied: Its tiles come from the start tile set.
        trusts: Its reference is a map that was given, not one that a model drew.
        exported: Tiles that were asked for, None where the zoom was not.
        tiles: All tiles to paint, those for other zooms' references included.
        windows: Windows to paint for them; rows may lie outside the world.
    """

    zoom: int
    cascade_factor: int | None
    copied: bool
    trusts: bool
    exported: TileRange | None
    tiles: TileRange
    windows: TileRange

    @property
    def parent(self) -> int | None:
        """Zoom of its reference."""
        if self.cascade_factor is None:
            return None
        return self.zoom - zoom_step(self.cascade_factor)


@dataclass(frozen=True)
class StageCounts:
    """How much one zoom is, before any work: at most this many where imagery has holes."""

    zoom: int
    exported: int
    painted: int
    windows: int


@dataclass(frozen=True)
class Plan:
    """The stages of an area, lowest zoom first."""

    area: Area
    stages: tuple[Stage, ...]
    geometry: Geometry
    edges: str

    def counts(self) -> tuple[StageCounts, ...]:
        """Tiles of the map, tiles painted in all and windows, by zoom."""
        return tuple(
            StageCounts(
                stage.zoom,
                exported=0 if stage.exported is None else len(stage.exported),
                painted=0 if stage.copied else len(stage.tiles),
                windows=0 if stage.copied else len(stage.windows),
            )
            for stage in self.stages
        )

    @property
    def steps(self) -> tuple[StageStep, ...]:
        """Zoom and factor of every stage."""
        return tuple((stage.zoom, stage.cascade_factor) for stage in self.stages)


def make_plan(
    settings: GenerateSettings,
    imagery_bounds: tuple[float, float, float, float],
    *,
    start_zooms: tuple[int, ...] | None = None,
    start_drawn: bool = False,
) -> Plan:
    """Plan a map.

    Args:
        settings: What is asked.
        imagery_bounds: (west, south, east, north) of the imagery in degrees.
        start_zooms: Zooms of the start tile set, None without one.
        start_drawn: Whether a model drew it.

    Raises:
        AreaError: the imagery does not reach the area, or it is larger than `max_tiles`.
        ConfigError: a zoom has no way to be painted.
    """
    zooms = settings.zooms or tuple(sorted(zoom for zoom, _ in settings.stages or ()))
    area = Area(settings.bounds or imagery_bounds, zooms)
    start_zoom = _start_zoom(settings, zooms, start_zooms)
    steps = settings.stages or cascade_steps(zooms, settings.cascade_factor, start_zoom)
    steps = tuple(sorted(steps, key=lambda step: step[0]))
    _check_steps(steps, zooms, start_zoom)
    if start_zoom is not None and start_zoom not in dict(steps):
        steps = ((start_zoom, None), *steps)
    plan = Plan(
        area,
        _grow(area, steps, settings, imagery_bounds, start_zoom, start_drawn=start_drawn),
        geometry_of(settings.mode),
        settings.edges,
    )
    _check_size(plan, settings.max_tiles)
    return plan


def _start_zoom(
    settings: GenerateSettings, zooms: tuple[int, ...], start_zooms: tuple[int, ...] | None
) -> int | None:
    """The zoom of the start tile set that the cascade begins with."""
    if start_zooms is None:
        return None
    below = [zoom for zoom in start_zooms if zoom <= zooms[0]]
    if not below:
        raise ConfigError(
            f"The start tile set has zooms {_listed(start_zooms)}, none at or below zoom "
            f"{zooms[0]}. Ask for zooms from {min(start_zooms, default=0)} up."
        )
    return max(below)


def _check_steps(
    steps: tuple[StageStep, ...], zooms: tuple[int, ...], start_zoom: int | None
) -> None:
    """Refuse stages that miss a zoom, repeat one, or lack the zoom they are painted from."""
    staged = [zoom for zoom, _ in steps]
    if len(set(staged)) != len(staged):
        raise ConfigError(f"Stages {_listed(staged)} repeat a zoom. Give each zoom once.")
    if missing := [zoom for zoom in zooms if zoom not in staged]:
        raise ConfigError(f"Zoom {missing[0]} has no stage. Add it to --stages, like 14,16:4.")
    for zoom, factor in steps:
        if not 0 <= zoom <= HIGHEST_ZOOM:
            raise ConfigError(f"Stage {zoom} is no zoom from 0 to {HIGHEST_ZOOM}.")
        if factor is None:
            continue
        parent = zoom - zoom_step(factor)
        if parent not in staged and parent != start_zoom:
            raise ConfigError(
                f"Zoom {zoom} is painted {factor}X from zoom {parent}, which is not among the "
                f"zooms {_listed(staged)}. Add it, or choose other --stages."
            )


def _grow(
    area: Area,
    steps: tuple[StageStep, ...],
    settings: GenerateSettings,
    imagery_bounds: tuple[float, float, float, float],
    start_zoom: int | None,
    *,
    start_drawn: bool,
) -> tuple[Stage, ...]:
    """Stages with all the tiles that they must paint, from the highest zoom down."""
    geometry = geometry_of(settings.mode)
    needed: dict[int, TileRange] = {}
    stages = []
    for zoom, factor in reversed(steps):
        pixels = pixels_of_bounds(imagery_bounds, zoom)
        exported = None
        if zoom in area.zooms:
            exported = _clip(area.tiles(zoom), tiles_of_box(pixels))
            if exported is None:
                raise AreaError(
                    f"The imagery (bounds {_bounds_text(imagery_bounds)}) does not reach the area "
                    f"(bounds {_bounds_text(area.bounds)}). Give a --bbox inside the imagery."
                )
        tiles = _united(exported, needed.get(zoom))
        if tiles is None:
            continue  # a stage that nothing asked for is painted from
        copied = zoom == start_zoom
        ring = 0 if settings.edges == "open" else geometry.ring
        windows = _clip(tiles.grown(ring), tiles_of_box(pixels)) or tiles
        given = factor is not None and zoom - zoom_step(factor) == start_zoom
        trusts = given and not start_drawn
        stages.append(Stage(zoom, factor, copied, trusts, exported, tiles, windows))
        if factor is not None and not copied:
            parents = _parents(windows, geometry if ring else None, factor)
            parent_pixels = pixels_of_bounds(imagery_bounds, parents.zoom)
            clipped = _clip(parents, tiles_of_box(parent_pixels)) or parents
            united = _united(needed.get(parents.zoom), clipped)
            if united is not None:
                needed[parents.zoom] = united
    return tuple(reversed(stages))


def _parents(windows: TileRange, geometry: Geometry | None, factor: int) -> TileRange:
    """The parent tiles under windows with their margin; without geometry, under the tiles alone."""
    if geometry is None:
        box = windows.box
        return tiles_of_box(
            PixelBox(
                box.zoom - zoom_step(factor),
                box.left // factor,
                box.top // factor,
                box.right // factor,
                box.bottom // factor,
            )
        )
    return tiles_of_box(parent_box(windows.box.grown(geometry.reach), factor))


def _united(first: TileRange | None, second: TileRange | None) -> TileRange | None:
    if first is None or second is None:
        return first or second
    return first.union(second)


def _clip(tiles: TileRange, limit: TileRange) -> TileRange | None:
    """The part of a range within a limit, None where they do not meet; columns wrap."""
    side = 1 << tiles.zoom
    top, bottom = max(tiles.top, limit.top), min(tiles.bottom, limit.bottom)
    columns = []
    for turn in (-side, 0, side):
        left = max(tiles.left, limit.left + turn)
        right = min(tiles.right, limit.right + turn)
        if left <= right:
            columns.append((left, right))
    if not columns or top > bottom:
        return None
    # Where the limit meets the range at both ends, the gap between is not worth two ranges.
    left, right = columns[0][0], columns[-1][1]
    if right - left + 1 >= side:
        left, right = 0, side - 1
    return TileRange(tiles.zoom, left, top, right, bottom)


def _check_size(plan: Plan, max_tiles: int) -> None:
    tiles = sum(counts.exported for counts in plan.counts())
    if tiles > max_tiles:
        raise AreaError(
            f"The map has {tiles:,} tiles at zooms {_listed(plan.area.zooms)}, more than "
            f"--max-tiles {max_tiles}. Give a smaller --bbox or fewer zooms, or allow it by "
            f"--max-tiles {tiles}."
        )


def _listed(zooms: tuple[int, ...] | list[int]) -> str:
    told = [str(zoom) for zoom in zooms[: HIGHEST_ZOOM + 1]]
    return ", ".join(told + ["..."] * (len(zooms) > len(told)))


def _bounds_text(bounds: tuple[float, float, float, float]) -> str:
    return ",".join(f"{value:.6g}" for value in bounds)
