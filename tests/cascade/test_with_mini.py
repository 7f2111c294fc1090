"""Rule 1 with a real network: c2gm-mini's anatomy with random weights."""

from importlib.util import find_spec

import pytest
from imaginary import imagery_of, read_map

from c2gm.cascade.generate import generate
from c2gm.cascade.settings import GenerateSettings
from c2gm.errors import Stopped
from c2gm.grid import TileRange, bounds_of

if not all(find_spec(name) for name in ("torch", "diffusers", "open_clip")):
    pytest.skip("needs the extra `library`", allow_module_level=True)

GROUND = TileRange(16, 34000, 22400, 34001, 22400)


@pytest.fixture(scope="module")
def mini_model():
    import torch

    from c2gm.models.presets import mini
    from c2gm.models.sgdm import SGDM
    from c2gm.models.sgdm_map_model import SGDMMapModel
    from c2gm.sampling import SamplerConfig

    torch.manual_seed(0)
    return SGDMMapModel(SGDM(mini()), SamplerConfig("ddim", 1), batch=4)


def test_tiles_of_mini_do_not_depend_on_the_asked_area(tmp_path, mini_model):
    imagery = imagery_of(GROUND.grown(3))
    maps = []
    for number, asked in enumerate((GROUND, TileRange(16, 34001, 22400, 34001, 22400))):
        settings = GenerateSettings(zooms=(16,), bounds=bounds_of(asked))
        path = generate(imagery, mini_model, tmp_path / f"{number}.mbtiles", settings).path
        maps.append(read_map(path))
    # The shared windows came in other batches and other places of a batch.
    both, alone = maps
    assert len(both) == 2 and len(alone) == 1
    assert all(both[tile] == picture for tile, picture in alone.items())


@pytest.mark.slow
def test_cascades_of_mini_do_not_depend_on_area_and_stops(tmp_path, mini_model):
    imagery = imagery_of(GROUND)
    settings = GenerateSettings(zooms=(16, 17))
    whole = read_map(generate(imagery, mini_model, tmp_path / "whole.mbtiles", settings).path)
    part = TileRange(17, 68001, 44800, 68002, 44801)
    settings = GenerateSettings(zooms=(16, 17), bounds=bounds_of(part))
    answers = iter([False] * 3 + [True])
    with pytest.raises(Stopped):
        generate(
            imagery,
            mini_model,
            tmp_path / "part.mbtiles",
            settings,
            should_stop=lambda: next(answers, False),
        )
    tiles = read_map(generate(imagery, mini_model, tmp_path / "part.mbtiles", settings).path)
    assert {tile.z for tile in tiles} == {16, 17}
    assert all(whole[tile] == picture for tile, picture in tiles.items())
