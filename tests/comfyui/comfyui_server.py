"""A real ComfyUI server with the pack, on the CPU, in folders of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
from collections.abc import Sequence
from pathlib import Path

from comfyui_client import Client
from install_server import NEWER, REPOSITORY, server_environment, server_python

HERE = Path(__file__).resolve().parent
PACK = "c2gm"
SHIPPED = (
    "__init__.py",
    "nodes",
    "c2gm",
    "web",
    "locales",
    "workflows",
    "pyproject.toml",
    "requirements.txt",
)
START_SECONDS = 300


class Server(Client):
    """A running server.

    Attributes:
        base: Its folders: models, input, output, custom_nodes.
        log: Path of what it printed.
        options: Its command line.
    """

    def __init__(
        self, folder: Path, base: Path, more_options: Sequence[str] = (), sources: str = NEWER
    ) -> None:
        super().__init__(_free_port())
        self.base = base
        self.log = base / "server.log"
        lay_out(base)
        options = ["--cpu", "--listen", "127.0.0.1", "--port", str(self.port)]
        options += ["--preview-method", "latent2rgb", "--disable-api-nodes"]
        options += ["--use-pytorch-cross-attention", "--base-directory", str(base)]
        options += ["--database-url", f"sqlite:///{base}/user/comfyui.db", *more_options]
        self.options = options
        command = [str(server_python(folder)), str(HERE / "launch_server.py")]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, str(folder / sources / "main.py"), *options],
                cwd=folder / sources,
                env=server_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.get("/system_stats")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.5)
        self.stop()
        raise RuntimeError(f"ComfyUI did not start:\n{self.printed()[-4000:]}")

    def printed(self) -> str:
        """All that it printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def lay_out(base: Path) -> None:
    """The folders of a server, with a copy of just what the pack ships."""
    for name in ("input", "output", "temp", "user", "models/checkpoints", "models/sgdm"):
        (base / name).mkdir(parents=True, exist_ok=True)
    pack = base / "custom_nodes" / PACK
    for name in SHIPPED:
        source = REPOSITORY / name
        if source.is_dir():
            skip = shutil.ignore_patterns("__pycache__", "*.pyc")
            shutil.copytree(source, pack / name, ignore=skip)
        elif source.is_file():
            pack.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, pack / name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
