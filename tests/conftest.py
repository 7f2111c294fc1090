from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from comfyui_server import Server
from hypothesis import settings
from install_server import install_server

# A loaded machine is slow, not wrong: hypothesis' 200 ms an example would fail tests by chance.
settings.register_profile("c2gm", deadline=None)
settings.load_profile("c2gm")

# A shell lets what it starts with "&" ignore Ctrl-C; the programs that tests interrupt would, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def peak_megabytes() -> Callable[[], float]:
    """The most memory that this process has held so far; 0 where that cannot be asked."""

    def peak() -> float:
        if sys.platform == "win32":
            return 0.0
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used / 1e6 if sys.platform == "darwin" else used / 1024

    return peak


@pytest.fixture(scope="session")
def comfyui_folder() -> Path:
    """A built server: the one that C2GM_COMFYUI names, else built here, which takes minutes once.

    There is no way to skip: a server that cannot be built fails the tests.
    """
    named = os.environ.get("C2GM_COMFYUI")
    return Path(named).resolve() if named else install_server()


@pytest.fixture(scope="session")
def server(comfyui_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real server for the whole run, with folders of its own."""
    base = tmp_path_factory.mktemp("comfyui")
    running = Server(comfyui_folder, base)
    try:
        yield running
    finally:
        running.stop()
