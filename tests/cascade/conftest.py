from collections.abc import Callable
from pathlib import Path

import pytest
from imaginary import GROUND, ZOOMS, ImaginaryImagery, TextureModel, imagery_of, is_pond

from c2gm.cascade.generate import Result, generate
from c2gm.cascade.settings import GenerateSettings


@pytest.fixture
def imagery() -> ImaginaryImagery:
    return imagery_of(GROUND, is_hole=is_pond)


@pytest.fixture
def model() -> TextureModel:
    return TextureModel()


def whole_map_at(path: Path, cascade_factor: int) -> Path:
    """The map of all the imagery, painted without interruption."""
    imagery = imagery_of(GROUND, is_hole=is_pond)
    settings = GenerateSettings(zooms=ZOOMS, cascade_factor=cascade_factor)
    generate(imagery, TextureModel(), path, settings)
    return path


@pytest.fixture(scope="session")
def whole_map(tmp_path_factory) -> Path:
    """The whole map, each zoom painted from the one below, as by default."""
    return whole_map_at(tmp_path_factory.mktemp("whole") / "map.mbtiles", 2)


@pytest.fixture(scope="session")
def whole_map_4x(tmp_path_factory) -> Path:
    """The whole map, zoom 16 painted from zoom 14."""
    return whole_map_at(tmp_path_factory.mktemp("whole4x") / "map.mbtiles", 4)


@pytest.fixture
def paint(tmp_path, imagery, model) -> Callable[..., Result]:
    """Paint a map of the imagery; settings and arguments by keyword."""

    def paint_map(name: str = "map.mbtiles", **keywords) -> Result:
        ours = {"start", "on_progress", "should_stop", "job_folder"}
        arguments = {key: keywords.pop(key) for key in ours & set(keywords)}
        painter = keywords.pop("model", model)
        source = keywords.pop("imagery", imagery)
        settings = GenerateSettings(**{"zooms": ZOOMS, **keywords})
        return generate(source, painter, tmp_path / name, settings, **arguments)

    return paint_map
