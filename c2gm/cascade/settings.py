"""What a user can choose for a map, and the short text form of stages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ConfigError
from ..map_scale import zoom_step
from ..painting.geometry import geometry_of
from ..references import INTERPOLATIONS

EDGES = ("exact", "open")

_STAGE = re.compile(r"([0-9]{1,2})(?::([0-9]{1,3})[xX]?)?")

StageStep = tuple[int, "int | None"]
"""(zoom, cascade factor); the factor is None where a zoom has no reference."""


@dataclass(frozen=True)
class GenerateSettings:
    """Settings of one map.

    Attributes:
        zooms: Zooms of the map, ascending. Empty with `stages`: every zoom that has a stage.
        bounds: (west, south, east, north) in degrees WGS 84; None is the imagery's.
        cascade_factor: 2 paints each zoom from the one below, 4 the trunk zooms from two below;
            None paints every zoom without a reference.
        stages: Steps to paint instead of those that follow from zooms and factor.
        seed: Of the world noise.
        edges: `exact` paints what the rim of the area depends on too, so that tiles are the same
            whatever area is asked for; `open` leaves it out, for quick looks.
        mode: `seamless`, or `paper` for the authors' independent tiles.
        interpolation: How references are enlarged.
        texts: Scale texts of single zooms, in place of the authors'.
        max_tiles: The largest map that is begun unasked.
        force: Replace a finished map or a job of other settings.
        keep_job: Keep the job folder when the map is finished.
    """

    zooms: tuple[int, ...] = ()
    bounds: tuple[float, float, float, float] | None = None
    cascade_factor: int | None = 2
    stages: tuple[StageStep, ...] | None = None
    seed: int = 1
    edges: str = "exact"
    mode: str = "seamless"
    interpolation: str = "bilinear"
    texts: Mapping[int, str] = field(default_factory=dict)
    max_tiles: int = 100_000
    force: bool = False
    keep_job: bool = False

    def __post_init__(self) -> None:
        if self.edges not in EDGES:
            raise ConfigError(f"Edges {self.edges!r} are not one of {', '.join(EDGES)}.")
        if self.interpolation not in INTERPOLATIONS:
            raise ConfigError(
                f"Interpolation {self.interpolation!r} is not one of {', '.join(INTERPOLATIONS)}."
            )
        if not self.zooms and self.stages is None:
            raise ConfigError("No zooms are asked for. Give --zooms, like 14-18.")
        geometry_of(self.mode)
        if self.cascade_factor is not None:
            zoom_step(self.cascade_factor)


def parse_stages(text: str) -> tuple[StageStep, ...]:
    """Read stages like `14,15:2,16:4`: zoom 14 without a reference, 15 at 2X, 16 at 4X.

    Raises:
        ConfigError: the text has another form.
    """
    steps: list[StageStep] = []
    for part in text.split(","):
        found = _STAGE.fullmatch(part.strip())
        if found is None:
            raise ConfigError(
                f"Stage {part[:20]!r} is not a zoom and its factor. Write stages like 14,15:2,16:4."
            )
        zoom, factor = found.groups()
        steps.append((int(zoom), None if factor is None else int(factor)))
    return tuple(steps)


def stages_text(steps: tuple[StageStep, ...]) -> str:
    """The text that `parse_stages` reads."""
    return ",".join(f"{zoom}" if factor is None else f"{zoom}:{factor}" for zoom, factor in steps)


def cascade_steps(
    zooms: tuple[int, ...], cascade_factor: int | None, start_zoom: int | None = None
) -> tuple[StageStep, ...]:
    """The step of every zoom: at 2X each from the one below; at 4X the trunk goes by two from the
    lowest zoom, and a zoom between is painted 2X from the trunk zoom below it. Where that zoom is
    not among those of the map, the other one of the two below takes its place.

    Args:
        zooms: Zooms of the map, ascending.
        cascade_factor: 2 or 4 (any power of two); None for no references.
        start_zoom: Zoom of the start tile set that the cascade begins with.
    """
    if cascade_factor is None:
        return tuple((zoom, None) for zoom in zooms)
    step = zoom_step(cascade_factor)
    trunk = zooms[0] if start_zoom is None else start_zoom
    known = {*zooms, trunk}
    steps: list[StageStep] = []
    for zoom in zooms:
        above = (zoom - trunk) % step or step
        if zoom - above not in known:
            above = 1 if zoom - 1 in known else 2
        steps.append((zoom, None if zoom == trunk else 1 << above))
    return tuple(steps)
