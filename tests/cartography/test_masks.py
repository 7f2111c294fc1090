from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio import Affine

from c2gm.cartography.map_objects import MapObjects
from c2gm.cartography.masks import vectorise_classes
from c2gm.errors import VectorError

WATER, LAND, ROAD, BUILDING, PLANTS, GRASS = 1, 2, 3, 4, 5, 6


def write_classes(path: Path, classes: np.ndarray, crs: str | None = "EPSG:3857") -> Path:
    """A class raster of 2 m a pixel."""
    height, width = classes.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=1,
        dtype="uint8",
        crs=crs,
        transform=Affine(2, 0, 1_000_000, 0, -2, 5_000_000),
    ) as raster:
        raster.write(classes, 1)
    return path


def scene() -> np.ndarray:
    classes = np.full((200, 300), LAND, dtype=np.uint8)
    classes[20:100, 20:120] = WATER
    classes[140:152, :] = ROAD
    classes[30:70, 180:240] = BUILDING
    classes[100:130, 180:280] = PLANTS
    return classes


def vectorised(folder: Path, classes: np.ndarray) -> MapObjects:
    return vectorise_classes(write_classes(folder / "classes.tif", classes))


def test_areas_of_the_objects_are_those_of_the_mask(tmp_path: Path) -> None:
    classes = scene()
    objects = vectorised(tmp_path, classes)
    kinds = {"water": WATER, "road_area": ROAD, "building": BUILDING, "park": PLANTS}
    assert set(objects.areas) == set(kinds)
    for kind, number in kinds.items():
        area = shapely.area(objects.areas[kind]).sum()
        assert np.isclose(area, (classes == number).sum() * 4, rtol=0.02), kind
        assert shapely.is_valid(objects.areas[kind]).all()


def test_objects_lie_where_the_mask_has_them(tmp_path: Path) -> None:
    (house,) = vectorised(tmp_path, scene()).areas["building"]
    expected = shapely.box(1_000_360, 5_000_000 - 140, 1_000_480, 5_000_000 - 60)
    assert shapely.hausdorff_distance(house, expected) < 1.0
    assert shapely.get_num_coordinates(house) == 5


def test_plants_are_trees_where_grass_has_its_own_class(tmp_path: Path) -> None:
    classes = scene()
    classes[160:190, 20:100] = GRASS
    objects = vectorised(tmp_path, classes)
    assert len(objects.areas["wood"]) == 1 and len(objects.areas["park"]) == 1


def test_narrow_unlabelled_gaps_do_not_cut_roads(tmp_path: Path) -> None:
    classes = scene()
    classes[:, 148:152] = 0
    assert len(vectorised(tmp_path, classes).areas["road_area"]) == 1


def test_wide_unlabelled_ground_stays_ground(tmp_path: Path) -> None:
    classes = scene()
    classes[20:100, 20:120] = 0
    assert "water" not in vectorised(tmp_path, classes).areas


def test_specks_and_hairs_fall_away(tmp_path: Path) -> None:
    classes = scene()
    classes[5:8, 150:153] = BUILDING
    classes[10:13, 160:163] = WATER
    classes[80, 180:280] = PLANTS
    objects = vectorised(tmp_path, classes)
    assert {kind: len(areas) for kind, areas in objects.areas.items()} == {
        "water": 1,
        "road_area": 1,
        "building": 1,
        "park": 1,
    }


def test_a_slanted_house_becomes_a_rectangle_of_its_size(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:200, :300]
    along = (columns - 150) * 0.8 + (rows - 100) * 0.6
    across = (rows - 100) * 0.8 - (columns - 150) * 0.6
    classes = np.where((abs(along) < 40) & (abs(across) < 20), BUILDING, LAND).astype(np.uint8)
    (house,) = vectorised(tmp_path, classes).areas["building"]
    assert shapely.get_num_coordinates(house) == 5
    assert np.isclose(house.area, 80 * 40 * 4, rtol=0.03)


def test_holes_of_a_mask_stay_holes(tmp_path: Path) -> None:
    classes = scene()
    classes[50:70, 60:80] = LAND
    (lake,) = vectorised(tmp_path, classes).areas["water"]
    assert shapely.get_num_interior_rings(lake) == 1


def test_a_raster_without_coordinate_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VectorError, match="coordinate system"):
        vectorise_classes(write_classes(tmp_path / "a.tif", scene(), crs=None))


def test_a_file_that_is_no_raster_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.tif"
    path.write_text("no raster", encoding="utf-8")
    with pytest.raises(VectorError, match=r"notes\.tif cannot be read"):
        vectorise_classes(path)
