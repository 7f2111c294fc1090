import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from mercantile import Tile

from c2gm.tilesets.open import create_tileset

PYRAMID = (
    *(Tile(x, y, 3) for x in (4, 5) for y in (2, 3)),
    *(Tile(x, y, 4) for x in range(8, 12) for y in range(4, 8)),
)


def tile_picture(tile: Tile, channels: int = 3) -> np.ndarray:
    """A picture that no other tile has, with a gradient to tell up from down."""
    pixels = np.full((256, 256, channels), 255, dtype=np.uint8)
    pixels[..., 0] = np.arange(256)[:, None]
    pixels[..., 1] = np.arange(256)
    pixels[..., 2] = (tile.x * 37 + tile.y * 101 + tile.z * 11) % 256
    return pixels


def write_pyramid(path: Path, tiles=PYRAMID, **metadata: str) -> Path:
    """A small, sound map of two zooms."""
    stated = {"name": "Town", "attribution": "Photos: the town", "model": "abc123", **metadata}
    with create_tileset(path, stated) as tileset:
        for tile in tiles:
            tileset.put(tile, tile_picture(tile))
    return path


@pytest.fixture(scope="session")
def towns(tmp_path_factory):
    """The same sound map in both kinds, written once."""
    folder = tmp_path_factory.mktemp("towns")
    return write_pyramid(folder / "town.mbtiles"), write_pyramid(folder / "town")


@pytest.fixture
def town_mbtiles(towns, tmp_path):
    return Path(shutil.copy(towns[0], tmp_path))


@pytest.fixture
def town_folder(towns, tmp_path):
    return Path(shutil.copytree(towns[1], tmp_path / "town"))


@pytest.fixture(params=["town_mbtiles", "town_folder"])
def town(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def make_small():
    """A sound map of two tiles, few pages of SQLite."""
    return lambda path: write_pyramid(path, [Tile(4, 2, 3), Tile(8, 4, 4)])


@pytest.fixture
def make_pyramid():
    return write_pyramid


@pytest.fixture
def pyramid():
    return PYRAMID


@pytest.fixture
def make_picture():
    return tile_picture


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, timeout=20)


CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: needs Chromium; with CI=true it must be there")


class Chromium:
    """A headless Chromium without network, driven over a pipe in its own protocol."""

    def __init__(self, program: str, folder: str) -> None:
        import fcntl

        command = [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={folder}",
            "--remote-debugging-pipe",
        ]
        ends = [*os.pipe(), *os.pipe()]
        # Chromium reads from 3 and writes to 4; keep our own ends out of their way.
        theirs_in, ours_out, ours_in, theirs_out = (
            fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in ends
        )
        for end in ends:
            os.close(end)

        def place_ends():
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self.process = subprocess.Popen(
            command,
            pass_fds=(3, 4),
            preexec_fn=place_ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out = ours_in, ours_out
        self._numbers = itertools.count(1)
        self._rest = b""
        self.events: list[dict] = []

    def send(self, method: str, session: str | None = None, **params):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _receive(self, deadline: float) -> dict:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
            assert ready, "Chromium gave no answer"
            received = os.read(self._in, 1 << 20)
            assert received, "Chromium has ended"
            self._rest += received
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        os.close(self._in)
        os.close(self._out)


class Page:
    """One page in Chromium and all that it complained about or asked for."""

    def __init__(self, browser: Chromium, address: str, width: int, height: int) -> None:
        self.browser = browser
        self.is_down = False
        browser.events.clear()
        self.target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.send("Target.attachToTarget", targetId=self.target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send("Page.navigate", url=address)
        self.wait("document.documentElement?.dataset.ready === 'yes'")

    def send(self, method: str, **params):
        return self.browser.send(method, self.session, **params)

    def ask(self, expression: str):
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        deadline = time.monotonic() + 20
        while not self.ask(expression):
            assert time.monotonic() < deadline, f"never true: {expression}; {self.complaints()}"
            time.sleep(0.05)

    def mouse(self, kind: str, x: float, y: float) -> None:
        if kind != "mouseMoved":
            self.is_down = kind == "mousePressed"
        self.send(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="left" if self.is_down or kind == "mouseReleased" else "none",
            buttons=int(self.is_down),
            clickCount=int(kind != "mouseMoved"),
        )

    def screenshot(self) -> bytes:
        return base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])

    def named(self, *methods: str) -> list[dict]:
        return [e["params"] for e in self.browser.events if e.get("method") in methods]

    def complaints(self) -> list[dict]:
        """Errors, violations of the content security policy, console lines, dialogs."""
        self.ask("1")
        return self.named(
            "Log.entryAdded",
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
            "Page.javascriptDialogOpening",
        )

    def requests(self) -> list[str]:
        """Addresses that were fetched, tiles inside the page left out."""
        self.ask("1")
        addresses = (p["request"]["url"] for p in self.named("Network.requestWillBeSent"))
        return [address for address in addresses if not address.startswith("data:")]


@pytest.fixture(scope="session")
def chromium():
    program = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if program is None or os.name == "nt":
        message = "Chromium is not installed (apt-get install chromium)"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Chromium(program, folder)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Open an HTML file as a double click would."""
    pages: list[Page] = []

    def open_file(path: Path, width: int = 1200, height: int = 760) -> Page:
        pages.append(Page(chromium, path.as_uri(), width, height))
        return pages[-1]

    yield open_file
    for page in pages:
        chromium.send("Target.closeTarget", targetId=page.target)
