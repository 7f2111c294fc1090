"""A small client of a ComfyUI server: prompts over HTTP, events over its websocket."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Any

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PREVIEW = 4  # ComfyUI's binary event: preview with metadata


class PromptRefused(Exception):
    """The server refused a prompt before running it; `errors` is its answer."""

    def __init__(self, errors: dict[str, Any]) -> None:
        super().__init__(json.dumps(errors)[:1000])
        self.errors = errors


@dataclass
class Run:
    """What a prompt did.

    Attributes:
        prompt_id: Its number.
        outputs: What the page was told of each output node, by node id.
        cached: Nodes that were not run again.
        status: success, error or interrupted.
        error: The message of an execution error.
        error_node: Class of the node that failed.
        previews: JPEG or PNG files of previews, in order.
        steps: (value, max) of every progress event.
    """

    prompt_id: str
    outputs: dict[str, Any] = field(default_factory=dict)
    cached: list[str] = field(default_factory=list)
    status: str = ""
    error: str = ""
    error_node: str = ""
    previews: list[bytes] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)


class Client:
    """Talks to a server on this machine as its page does."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str) -> bytes:
        """Body of a GET."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            body: bytes = answer.read()
        return body

    def get_json(self, path: str) -> Any:
        """JSON of a GET."""
        return json.loads(self.get(path))

    def post(self, path: str, value: Any) -> Any:
        """JSON answer of a POST, None where it is empty."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=json.dumps(value).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def queue(self, prompt: dict[str, Any], page: str = "") -> str:
        """Queue a prompt whose events go to a page; returns its number.

        Raises:
            PromptRefused: the server found it invalid.
        """
        try:
            answer = self.post("/prompt", {"prompt": prompt, "client_id": page})
        except urllib.error.HTTPError as error:
            raise PromptRefused(json.loads(error.read())) from None
        number: str = answer["prompt_id"]
        return number

    def run(
        self, prompt: dict[str, Any], *, interrupt_after: int | None = None, timeout: float = 300
    ) -> Run:
        """Run a prompt to its end.

        Args:
            prompt: In API form.
            interrupt_after: Cancel after this many progress events of value above 0.
            timeout: Seconds.
        """
        # A new page each time: the server may close an old one of the same name late.
        page = base64.b16encode(os.urandom(8)).decode()
        with _Events(self.port, page) as events:
            run = Run(self.queue(prompt, page))
            end = time.monotonic() + timeout
            while not run.status:
                if time.monotonic() > end:
                    raise TimeoutError(f"The prompt did not end within {timeout} s.")
                kind, data = events.next(end - time.monotonic())
                if kind == BINARY:
                    self._take_preview(run, data)
                else:
                    self._take_event(run, json.loads(data))
                if interrupt_after is not None and len(run.steps) >= interrupt_after:
                    self.post("/interrupt", {"prompt_id": run.prompt_id})
                    interrupt_after = None
        return run

    def forget(self) -> None:
        """Unload the models and drop what is cached of earlier prompts."""
        self.post("/free", {"unload_models": True, "free_memory": True})
        # The server does so after its next prompt, so another must not be the one that is asked.
        self.run(
            {
                "1": {
                    "class_type": "EmptyImage",
                    "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 0},
                },
                "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
            }
        )

    @staticmethod
    def _take_preview(run: Run, data: bytes) -> None:
        (event,) = struct.unpack(">I", data[:4])
        if event == PREVIEW:
            (length,) = struct.unpack(">I", data[4:8])
            run.previews.append(data[8 + length :])

    @staticmethod
    def _take_event(run: Run, event: dict[str, Any]) -> None:
        kind, data = event["type"], event["data"]
        if data.get("prompt_id") not in (None, run.prompt_id):
            return
        if kind == "execution_cached":
            run.cached = data["nodes"]
        elif kind == "executed":
            run.outputs[data["node"]] = data["output"]
        elif kind == "progress" and data["value"] > 0:
            run.steps.append((data["value"], data["max"]))
        elif kind == "execution_error":
            run.status, run.error = "error", data["exception_message"].strip()
            run.error_node = data["node_type"]
        elif kind == "execution_interrupted":
            run.status = "interrupted"
        elif kind == "execution_success":
            run.status = "success"

    def picture(self, entry: dict[str, str]) -> bytes:
        """The file of an entry of `outputs[...]["images"]`."""
        return self.get("/view?" + urllib.parse.urlencode(entry))


class _Events:
    """The server's websocket, as far as the tests need it."""

    def __init__(self, port: int, client_id: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            (
                f"GET /ws?clientId={client_id} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            ).encode()
        )
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self._receive()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        assert b" 101 " in head.splitlines()[0], head
        flags = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
        self._send(TEXT, json.dumps(flags).encode())

    def next(self, timeout: float) -> tuple[int, bytes]:
        """The next text or binary message."""
        self.socket.settimeout(max(timeout, 0.1))
        message, kind = b"", 0
        while True:
            final, opcode, payload = self._frame()
            if opcode == PING:
                self._send(PONG, payload)
            elif opcode == CLOSE:
                raise ConnectionError("The server closed the connection.")
            else:
                kind = opcode or kind
                message += payload
                if final:
                    return kind, message

    def _frame(self) -> tuple[bool, int, bytes]:
        first, second = self._take(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._take(8))
        return bool(first & 0x80), first & 0x0F, self._take(length)

    def _take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self.buffer += self._receive()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _receive(self) -> bytes:
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("The server closed the connection.")
        return data

    def _send(self, opcode: int, payload: bytes) -> None:
        assert len(payload) < 126
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + masked)

    def __enter__(self) -> _Events:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()
