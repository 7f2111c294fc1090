"""The real sets of a data folder: their truth, their splits by place, what their labels can tell.

Rights, credits and splits are those of the sets' own READMEs; docs/training.md names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..cartography.map_objects import MapObjects
from .ground import Ground, UnlabelledGround

_VECTOR_FILES = (".gpkg", ".pbf", ".geojson", ".fgb", ".shp")


@dataclass(frozen=True)
class Place:
    """One real place of a data folder, cut by the split that its README tells.

    Attributes:
        name: of the place; its kind is what stands before the first "-".
        image: the imagery, below the data folder.
        truth: vectors, or a class raster that is vectorised.
        zooms: that it has content for.
        west, south, east, north: the usable part in degrees, None = the picture's edge.
        rule: what its labels tell, a name of `LABEL_RULES`.
        woods: a class raster whose trees join the vectors.
        unlabelled: a class raster whose class 0 is not known to be anything.
        least_valid: share of a window that must have imagery.
    """

    name: str
    image: str
    truth: str
    zooms: tuple[int, ...]
    west: float | None = None
    south: float | None = None
    east: float | None = None
    north: float | None = None
    rule: str = "true map"
    woods: str | None = None
    unlabelled: str | None = None
    least_valid: float = 0.6


def _dubai(scene: int, zooms: tuple[int, ...], suffix: str = "") -> Place:
    classes = f"dubai/scene{scene}_classes.tif"
    return Place(
        f"dubai-{scene}{suffix}",
        f"dubai/scene{scene}.tif",
        classes,
        zooms,
        rule="masks",
        unlabelled=classes,
        least_valid=0.5,
    )


def _maryland(name: str) -> Place:
    return Place(
        f"maryland-{name}",
        f"maryland/{name}.tif",
        f"maryland/{name}_classes.tif",
        (16, 17, 18),
        rule="land cover",
    )


def _banepa(name: str, *, south: float | None = None, north: float | None = None) -> Place:
    return Place(
        f"banepa-{name}",
        "banepa/image.tif",
        "banepa/buildings.geojson",
        (17, 18),
        south=south,
        north=north,
        rule="buildings only",
        least_valid=0.35,
    )


def _aosta(name: str) -> Place:
    return Place(
        f"aosta-{name}",
        f"aosta/{name}.tif",
        "aosta/vectors.gpkg",
        (14, 15, 16),
        rule="wood and lakes",
        woods=f"aosta/{name}_classes.tif",
    )


def _mapped(
    name: str,
    zooms: tuple[int, ...],
    *,
    west: float | None = None,
    east: float | None = None,
) -> Place:
    folder = name.split("-")[0]
    return Place(
        name,
        f"{folder}/image.tif",
        f"{folder}/vectors.gpkg",
        zooms,
        west=west,
        east=east,
        rule="mapped",
    )


TRAIN_PLACES = (
    *(_dubai(scene, (14, 15, 16, 17, 18)) for scene in (1, 3, 4, 6, 7)),
    _mapped("chateaugiron-train", (14, 15, 16, 17, 18), east=-1.494141),
    _mapped("kvarnbyn-train", (15, 16, 17, 18), east=12.030029),
    *(_maryland(name) for name in ("suburb", "mall", "woods")),
    _banepa("train", south=27.631223846681277),
    *(_aosta(name) for name in ("cogne", "valgrisenche")),
)
DEVELOPMENT_PLACES = (
    _dubai(2, (16, 17, 18)),
    _mapped("chateaugiron-dev", (16, 17, 18), west=-1.491394),
    _mapped("kvarnbyn-dev", (16, 17, 18), west=12.032776),
    _maryland("rows"),
    _banepa("dev", north=27.630615510736792),
    *(_aosta(name) for name in ("paradiso", "aosta")),
)


def real_ground(place: Place, data: Path) -> Ground:
    """A real place read from the data folder."""
    from ..imagery.open import open_imagery

    imagery = open_imagery(data / place.image)
    west, south, east, north = imagery.bounds
    return Ground(
        place=place.name,
        imagery=imagery,
        objects=_objects(place, data),
        bounds=(
            west if place.west is None else place.west,
            south if place.south is None else place.south,
            east if place.east is None else place.east,
            north if place.north is None else place.north,
        ),
        zooms=place.zooms,
        rule=place.rule,
        unlabelled=UnlabelledGround(data / place.unlabelled) if place.unlabelled else None,
        least_valid=place.least_valid,
    )


def _objects(place: Place, data: Path) -> MapObjects:
    from ..cartography.masks import vectorise_classes
    from ..cartography.vectors import read_vectors

    truth = data / place.truth
    objects = read_vectors(truth) if truth.suffix in _VECTOR_FILES else vectorise_classes(truth)
    if place.woods is None:
        return objects
    masks = vectorise_classes(data / place.woods).areas
    # A raster without classes above 5 calls its trees park.
    woods = masks["wood"] if "wood" in masks else masks["park"]
    return MapObjects({**objects.areas, "wood": woods}, objects.lines, objects.trees)
