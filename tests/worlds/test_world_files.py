from pathlib import Path

import numpy as np
import pytest
import shapely

from c2gm.cartography.map_objects import MapObjects
from c2gm.cartography.vectors import read_vectors
from c2gm.errors import ImageryError, VectorError
from c2gm.grid import PixelBox
from c2gm.imagery.open import open_imagery
from c2gm.worlds.districts import grown
from c2gm.worlds.world import World, WorldImagery
from c2gm.worlds.world_files import check_names, write_imagery, write_vectors

LEFT, TOP = (256 << 16) // 2 + 700, (256 << 16) // 2 - 900
BOX = PixelBox(16, LEFT, TOP, LEFT + 150, TOP + 140)


@pytest.fixture(scope="module")
def world() -> World:
    return World(12)


@pytest.fixture(scope="module")
def objects(world: World) -> MapObjects:
    return world.objects(grown(BOX.mercator_bounds(), 500))


@pytest.mark.parametrize("name", ["world.gpkg", "world.geojson"])
def test_vectors_are_read_back_as_they_were(objects: MapObjects, tmp_path: Path, name: str) -> None:
    count = write_vectors(objects, tmp_path / name)
    again = read_vectors(tmp_path / name)
    assert {kind: len(shapes) for kind, shapes in again.areas.items()} == {
        kind: len(shapes) for kind, shapes in objects.areas.items()
    }
    assert {kind: len(shapes) for kind, shapes in again.lines.items()} == {
        kind: len(shapes) for kind, shapes in objects.lines.items()
    }
    groups = [*objects.areas.values(), *objects.lines.values()]
    assert count == sum(map(len, groups)) + len(objects.trees)
    for kind, shapes in objects.areas.items():
        area = shapely.area(again.areas[kind]).sum()
        assert area == pytest.approx(shapely.area(shapes).sum(), rel=1e-4)
    assert np.allclose(np.sort(again.trees, axis=0), np.sort(objects.trees, axis=0), atol=0.01)


def test_the_picture_is_read_back_as_it_was(world: World, tmp_path: Path) -> None:
    imagery, path = WorldImagery(world), tmp_path / "world.tif"
    write_imagery(imagery, BOX, path)
    opened = open_imagery(path)
    rgb, valid = opened.read(BOX)
    opened.close()
    assert valid.all()
    assert np.array_equal(rgb, imagery.read(BOX)[0])
    assert [file.name for file in tmp_path.iterdir()] == ["world.tif"]


def test_names_are_checked_before_the_work(tmp_path: Path) -> None:
    taken = tmp_path / "taken.tif"
    taken.touch()
    with pytest.raises(ImageryError, match=r"\.tif"):
        check_names(tmp_path / "world.png", None, overwrite=False)
    with pytest.raises(ImageryError, match="--force"):
        check_names(taken, None, overwrite=False)
    with pytest.raises(VectorError, match=r"\.gpkg"):
        check_names(taken, tmp_path / "world.shp", overwrite=True)
    check_names(taken, tmp_path / "world.gpkg", overwrite=True)
