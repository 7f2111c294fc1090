"""The other commands, and how the program as a whole behaves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formula_weights import tiny_state_dict
from mercantile import Tile
from PIL import Image
from safetensors.torch import save_file

from c2gm.cli.app import build_app
from c2gm.cli.info import as_text
from c2gm.tilesets.export import export_tileset
from c2gm.tilesets.open import create_tileset

Run = Callable[..., Any]
COMMANDS = (
    "demo",
    "generate",
    "shards",
    "repaint",
    "render",
    "preview",
    "stitch",
    "export",
    "vectorize",
    "verify",
    "info",
    "convert",
    "train",
    "evaluate",
    "world",
)


@pytest.fixture
def small_map(tmp_path: Path) -> Path:
    """One tile of zoom 3 and its four children, sound."""
    path = tmp_path / "small.mbtiles"
    with create_tileset(
        path, {"name": "small", "attribution": "nobody", "model": "none"}
    ) as tileset:
        for tile in (Tile(4, 2, 3), Tile(8, 4, 4), Tile(9, 4, 4), Tile(8, 5, 4), Tile(9, 5, 4)):
            tileset.put(tile, np.full((256, 256, 3), 20 * tile.z + tile.x, np.uint8))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(c2gm: Run, command: str) -> None:
    ended = c2gm(command, "--help")
    assert ended.status == 0
    assert f"c2gm {command} " in ended.out.partition("Example")[2]


def test_the_program_lists_its_commands_and_tells_its_version(c2gm: Run) -> None:
    from c2gm import __version__

    listed = c2gm("--help").out
    assert all(f"  {command} " in listed for command in COMMANDS)
    assert "..." not in listed.partition("Commands:")[2]
    assert c2gm("--version").out.strip() == __version__
    assert c2gm("fly").status == 2


def test_the_programs_help_is_quick_because_it_imports_nothing_heavy() -> None:
    code = (
        "import sys; from c2gm.cli.app import build_app; build_app();"
        "print({'torch', 'numpy', 'rasterio', 'rich', 'diffusers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("missing", ["typer", "shapely"])
def test_a_missing_package_is_told_in_one_line(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['c2gm', 'demo', '--out', 'x'];"
        "from c2gm.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert 'pip install "c2gm[library]"' in done.stderr


def test_verify_finds_a_sound_map_sound(c2gm: Run, small_map: Path) -> None:
    ended = c2gm("verify", small_map)
    assert ended.status == 0
    assert "is sound" in ended.out


def test_verify_names_the_faults_and_ends_with_status_3(c2gm: Run, small_map: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(small_map)) as database:
        database.execute("DELETE FROM tiles WHERE zoom_level = 4 AND tile_column = 9")
        database.commit()
    ended = c2gm("verify", small_map)
    assert ended.status == 3
    assert ended.out.strip()
    told = json.loads(c2gm("verify", small_map, "--json").out)
    assert told["sound"] is False
    assert len(told["faults"]) == len(ended.out.strip().splitlines())
    assert c2gm("verify", small_map.with_name("gone.mbtiles")).status == 1


def test_info_counts_the_parameters_of_an_architecture(c2gm: Run) -> None:
    told = json.loads(c2gm("info", "sd21", "--json").out)
    assert told["parameters"] == {
        "mf_encoder": 5_278_208,
        "sf_adapter": 47_708_800,
        "unet": 865_910_724,
        "vae": 83_653_863,
        "text": 354_032_641,
    }
    assert told["trainable"] == 152_913_408
    assert told["total"] == 1_356_584_236


def test_info_tells_of_a_tile_set_and_of_imagery(c2gm: Run, small_map: Path, scene: Path) -> None:
    told = json.loads(c2gm("info", small_map, "--json").out)
    assert told["tiles"] == {"3": 1, "4": 4}
    assert told["metadata"]["attribution"] == "nobody"
    assert "attribution: nobody" in c2gm("info", small_map).out
    told = json.loads(c2gm("info", scene, "--json").out)
    assert told["native_zoom"] == 17
    assert told["tiles"]["17"] == 6
    assert "native zoom: 17" in c2gm("info", scene).out


def test_info_tells_a_model_card_line_by_line() -> None:
    card = {
        "runs": [{"run": "vae", "minutes": 40.0}, {"run": "joint", "minutes": 120.0}],
        "credits": ["one", "two"],
        "scores": {"copy": {"town": {"edge_f1": 0.123456789}}},
    }
    assert as_text({"card": card}).splitlines() == [
        "card:",
        "  runs:",
        "    run vae, minutes 40.0",
        "    run joint, minutes 120.0",
        "  credits: one, two",
        "  scores:",
        "    copy:",
        "      town:",
        "        edge f1: 0.12346",
    ]


def test_info_says_what_it_could_tell_of(c2gm: Run) -> None:
    ended = c2gm("info", "sd99")
    assert ended.status == 1
    assert "neither a file sd99 nor an architecture" in ended.err


def test_a_stitched_picture_of_any_area_goes_back_where_it_was(
    c2gm: Run, small_map: Path, tmp_path: Path
) -> None:
    from c2gm.cli.repaint import read_edit
    from c2gm.tilesets.open import open_tileset

    area = (10.0371, 45.0113, 31.7777, 60.0049)
    words = ",".join(map(str, area))
    assert c2gm("stitch", small_map, tmp_path / "a.png", "--zoom", "4", f"--bbox={words}").out
    with open_tileset(small_map) as map_:
        assert read_edit(map_, tmp_path / "a.png", 4, area).tiles == {}
        Image.open(tmp_path / "a.png").convert("L").save(tmp_path / "grey.png")
        assert read_edit(map_, tmp_path / "grey.png", 4, area).zoom == 4


def test_export_writes_another_kind_that_is_sound_and_told_of(
    c2gm: Run, small_map: Path, tmp_path: Path
) -> None:
    out = tmp_path / "small.pmtiles"
    assert "5 tiles" in c2gm("export", small_map, out).out
    assert c2gm("verify", out, "--against", small_map).status == 0
    assert "small.pmtiles" in c2gm("export", small_map, out).err
    assert c2gm("export", small_map, out, "--force").status == 0
    told = json.loads(c2gm("info", out, "--json").out)
    assert told == json.loads(c2gm("info", small_map, "--json").out) | {"path": told.get("path")}


def test_vectorize_traces_a_map_and_replaces_none(c2gm: Run, tmp_path: Path) -> None:
    pixels = np.full((256, 256, 3), (0x86, 0xC1, 0xF0), np.uint8)
    with create_tileset(tmp_path / "lake.mbtiles", {"attribution": "nobody"}) as tileset:
        tileset.put(Tile(8, 4, 4), pixels)
    arguments = ("vectorize", tmp_path / "lake.mbtiles", tmp_path / "lake.geojson", "--zoom", "4")
    assert "1 areas and 0 lines" in c2gm(*arguments).out
    assert "exists already" in c2gm(*arguments).err
    assert c2gm(*arguments, "--force").status == 0
    feature = json.loads((tmp_path / "lake.geojson").read_text())["features"][0]
    assert feature["properties"]["class"] == "water"
    assert c2gm("vectorize", *arguments[1:2], tmp_path / "lake.shp", "--zoom", "4").status == 1


def test_shards_are_commands_that_need_nothing_of_each_other(c2gm: Run) -> None:
    given = ("shards", "my county.tif", "--bbox=-9.5,47.0,-9.4,47.1", "--zooms", "14-15")
    ended = c2gm(*given, "--", "--seed", "3")
    lines = ended.out.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("c2gm generate 'my county.tif' --out shards/10-") for line in lines)
    assert all(line.endswith(" --seed 3") for line in lines)
    told = json.loads(c2gm(*given, "--json").out)
    assert sum(shard["tiles"] for shard in told["shards"]) == told["tiles"]
    assert c2gm(*given[:-1], "9-14").status == 1


def test_repaint_says_what_is_missing_before_a_model_is_loaded(
    c2gm: Run, small_map: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "new.png"
    Image.new("RGB", (256, 256)).save(picture)
    given = ("repaint", small_map, "town.tif", "--zoom", "3", "--out", tmp_path / "new.mbtiles")
    assert c2gm(*given, "--with", picture).status == 2
    box = "--bbox=0,40.9798981,45,66.5132604"
    ended = c2gm(*given, "--with", picture, box)
    assert ended.status == 1
    assert "town.tif" in ended.err
    same = c2gm(*given, "--with", small_map)
    assert same.status == 1
    assert "nothing to paint again" in same.err
    assert c2gm(*given, "--with", small_map, "--zoom", "9").status == 1
    assert not (tmp_path / "new.mbtiles").exists()


def test_stitch_writes_a_picture_and_replaces_none(
    c2gm: Run, small_map: Path, tmp_path: Path
) -> None:
    out = tmp_path / "four.png"
    assert "512 x 512 px" in c2gm("stitch", small_map, out, "--zoom", "4").out
    picture = np.asarray(Image.open(out))
    assert (picture[0, 0] == 88).all() and (picture[-1, -1] == 89).all()
    assert c2gm("stitch", small_map, out, "--zoom", "4").status == 1
    assert c2gm("stitch", small_map, out, "--zoom", "4", "--force").status == 0
    small = c2gm("stitch", small_map, tmp_path / "s.png", "--zoom", "3", "--bbox", "10,50,12,51")
    assert small.status == 0
    assert Image.open(tmp_path / "s.png").width == 11


def test_preview_writes_a_page_beside_the_map(c2gm: Run, small_map: Path) -> None:
    ended = c2gm("preview", small_map)
    page = small_map.with_name("small.mbtiles.html")
    assert str(page) in ended.out
    assert "<html" in page.read_text(encoding="utf-8")
    assert c2gm("preview", small_map).status == 1
    assert c2gm("preview", small_map, "--force").status == 0


def test_preview_of_the_current_folder_is_named_after_it(
    c2gm: Run, small_map: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_tileset(small_map, tmp_path / "town")
    monkeypatch.chdir(tmp_path / "town")
    ended = c2gm("preview", ".")
    assert ended.status == 0, ended.err
    assert (tmp_path / "town.html").exists()


def test_preview_takes_imagery_as_generate_does(c2gm: Run, small_map: Path) -> None:
    photo = small_map.with_name("photo.png")
    Image.new("RGB", (40, 40), (90, 120, 60)).save(photo)
    bounds = ("--picture-bounds", "1,45,40,60")
    assert "--picture-bounds" in c2gm("preview", small_map, "--imagery", photo).err
    assert c2gm("preview", small_map, "--imagery", photo, *bounds).status == 0
    refused = c2gm("preview", small_map, *bounds)
    assert refused.status == 2 and "Give --imagery" in refused.err


def test_convert_makes_the_file_that_was_asked_for(c2gm: Run, tmp_path: Path) -> None:
    assert c2gm("convert", tmp_path / "gone.ckpt", tmp_path / "a.safetensors").status == 1
    assert c2gm("convert", "a", "b", "--to", "onnx").status == 2


def test_convert_replaces_a_file_only_when_told_so(c2gm: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "tiny.safetensors", tmp_path / "out.safetensors"
    save_file(tiny_state_dict(), source)
    out.write_text("dear")
    refused = c2gm("convert", source, out)
    assert refused.status == 1 and "--force" in refused.err
    assert out.read_text() == "dear"
    assert c2gm("convert", source, out, "--force").status == 0
    assert out.stat().st_size > 100_000


def test_train_refuses_a_configuration_it_cannot_read(c2gm: Run, tmp_path: Path) -> None:
    ended = c2gm("train", tmp_path / "gone.json")
    assert ended.status == 1
    assert "gone.json" in ended.err


def test_all_options_are_written_like_their_arguments() -> None:
    import typer

    program = typer.main.get_command(build_app())
    for command in program.commands.values():  # type: ignore[attr-defined]
        for option in command.params:
            for flag in getattr(option, "opts", []):
                if flag.startswith("--") and flag not in ("--json", "--with"):  # a keyword
                    assert flag[2:].replace("-", "_") == option.name
