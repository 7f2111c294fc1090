"""Imagery on the command line: several files as one, stretches, servers whose keys nobody sees."""

from __future__ import annotations

import http.client
import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.windows import Window

from c2gm.cli.main import keep_traces_of_logging_quiet
from c2gm.imagery import remote

Run = Callable[..., Any]
KEY = "canary-0f3a77"


@pytest.fixture
def halves(scene: Path, tmp_path: Path) -> list[Path]:
    """The scene in two files, in a folder of their own."""
    folder = tmp_path / "halves"
    folder.mkdir()
    written = []
    with rasterio.open(scene) as whole:
        for number in (0, 1):
            part = Window(250 * number, 0, 250, 400)
            written.append(folder / f"{number}.tif")
            profile = whole.profile | {"width": 250, "transform": whole.window_transform(part)}
            with rasterio.open(written[-1], "w", **profile) as dataset:
                dataset.write(whole.read(window=part))
    return written


@pytest.mark.usefixtures("mixing_model")
def test_several_files_are_painted_like_the_one_they_are_cut_from(
    c2gm: Run, scene: Path, halves: list[Path], tmp_path: Path
) -> None:
    maps = []
    for number, names in enumerate(([scene], halves, [halves[0].parent])):
        maps.append(tmp_path / f"map-{number}")
        ended = c2gm("generate", *names, "--out", maps[-1], "--zooms", "16")
        assert ended.status == 0, ended.err
    tiles = sorted(path.relative_to(maps[0]) for path in maps[0].rglob("*.png"))
    assert len(tiles) >= 4
    for other in maps[1:]:
        assert sorted(path.relative_to(other) for path in other.rglob("*.png")) == tiles
        for tile in tiles:
            assert (other / tile).read_bytes() == (maps[0] / tile).read_bytes()


def test_info_tells_of_a_mosaic_and_of_its_stretch(
    c2gm: Run, halves: list[Path], tmp_path: Path
) -> None:
    told = json.loads(c2gm("info", *halves, "--json").out)
    assert told["what"] == "imagery" and told["name"] == "0.tif, 1.tif"
    assert told["values"] == "" and told["advice"] == []
    given = json.loads(c2gm("info", *halves, "--stretch", "20,220", "--json").out)
    assert given["values"] == "values 20 to 220 (as given) shown as 0 to 255"
    assert given["fingerprint"] != told["fingerprint"]
    for wrong in ("20", "a,b", "5,5", "nan,1"):
        ended = c2gm("info", halves[0], "--stretch", wrong)
        assert ended.status == 2 and "LOW,HIGH" in ended.err


@pytest.mark.usefixtures("mixing_model")
def test_a_map_tells_how_values_of_16_bits_were_stretched_and_keeps_to_it(
    c2gm: Run, scene: Path, tmp_path: Path
) -> None:
    deep = tmp_path / "deep.tif"
    with rasterio.open(scene) as whole:
        with rasterio.open(deep, "w", **(whole.profile | {"dtype": "uint16"})) as dataset:
            dataset.write(whole.read().astype(np.uint16) * 37)
    command = ("generate", deep, "--out", tmp_path / "map.mbtiles", "--zooms", "16")
    assert c2gm(*command, "--stretch", "740,8000").status == 0
    told = json.loads(c2gm("info", tmp_path / "map.mbtiles", "--json").out)
    values = "values 740 to 8000 (as given) shown as 0 to 255"
    assert told["metadata"]["imagery_values"] == values
    assert c2gm(*command, "--stretch", "740,8000").status == 0
    other = c2gm(*command)
    assert other.status == 1 and "imagery was" in other.err


def test_words_of_gdal_that_are_no_text_print_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    keep_traces_of_logging_quiet()
    undecodable = UnicodeDecodeError("utf-8", b"\xe8", 0, 1, "invalid continuation byte")
    for error, place in ((undecodable, "rasterio._env.log_error"), (ValueError(), "rasterio")):
        sys.unraisablehook(SimpleNamespace(exc_value=error, object=place))
    sys.unraisablehook(SimpleNamespace(exc_value=undecodable, object="c2gm"))
    assert len(told) == 2  # errors of any other kind, and of any other place, are shown


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A tile server on this machine that any host name leads to; the paths that it is asked for."""
    asked: list[str] = []
    file = io.BytesIO()
    noise = np.random.default_rng(1).integers(60, 200, (256, 256, 3), np.uint8)
    Image.fromarray(noise).save(file, "PNG")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(file.getvalue())

        def log_message(self, *args: object) -> None:
            pass

    http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http_server.serve_forever, daemon=True).start()
    port = http_server.server_address[1]
    monkeypatch.setattr(
        remote, "dial_tls", lambda *_: http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    )
    yield asked
    http_server.shutdown()
    http_server.server_close()


@pytest.mark.usefixtures("mixing_model")
def test_the_key_of_a_server_is_in_none_of_all_outputs(
    c2gm: Run, server: list[str], tmp_path: Path
) -> None:
    template = f"https://tiles.test/{{z}}/{{x}}/{{y}}.png?layer=summer&key={KEY}#zooms=10-17"
    folder = tmp_path / "out"
    folder.mkdir()
    area = "--bbox=55.2846,25.0552,55.2902,25.0603"
    said = []
    for out in ("map.mbtiles", "map.pmtiles", "map"):
        ended = c2gm(
            *("generate", template, "--out", folder / out, "--zooms", "16", area, "--keep-job")
        )
        assert ended.status == 0, ended.err
        said.append(ended)
    said += [
        c2gm("info", template),
        c2gm("info", folder / "map.mbtiles", "--json"),
        c2gm("preview", folder / "map.mbtiles", "--imagery", template, "--html", folder / "m.html"),
        c2gm("generate", template, "--out", folder / "all.mbtiles"),  # the whole world: too much
        c2gm("info", template, "--crs", "EPSG:3857"),
        c2gm("info", template.replace("https", "http")),
        c2gm("info", template.replace("{y}", "")),
        c2gm("shards", template, area),  # would have to print it
    ]
    assert "key-file=PATH" in said[-1].err
    assert any(KEY in path for path in server)
    for ended in said:
        assert KEY not in ended.out + ended.err
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert len(written) > 5
    for path in written:
        assert KEY.encode() not in path.read_bytes(), path
        assert KEY not in str(path)
