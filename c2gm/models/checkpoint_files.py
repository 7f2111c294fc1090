"""Reading and writing files of tensors safely: nothing in a file is ever executed.

A file is opened by its header alone; its tensors stay in it until they are read, so checks cost
nothing and a conversion needs no memory for the whole model.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import pickle
import re
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import CheckpointError

HEADER_LIMIT = 16 * 2**20  # bytes; a full model's header has 0.2 MiB
PICKLE_SUFFIXES = {".ckpt", ".pt", ".pth", ".bin", ".pkl"}
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that is still in its file."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    file: Path
    read: Callable[[], Tensor]


@dataclass(frozen=True)
class TensorFile:
    """The tensors of a file by name, and its metadata."""

    path: Path
    tensors: Mapping[str, StoredTensor]
    metadata: Mapping[str, str]


def open_tensors(path: Path) -> TensorFile:
    """Opens a safetensors file by its header.

    Raises:
        CheckpointError: missing, empty, truncated, damaged, no safetensors file, or an oversized
            header.
    """
    _check_start(path)
    try:
        handle: Any = safe_open(str(path), framework="pt", device="cpu")
        metadata = handle.metadata() or {}
        tensors = {key: _stored(handle, key, path) for key in handle.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is damaged or cut short ({_first_line(error)}). Copy or download it again."
        ) from error
    return TensorFile(path, tensors, metadata)


def open_pickle(path: Path) -> TensorFile:
    """Opens a PyTorch file (`.ckpt`, `.pt`) without running anything that it contains.

    Reads `state_dict` where there is one, and drops the prefix `module.` of DataParallel.

    Raises:
        CheckpointError: missing, damaged, in PyTorch's old format, with code or classes inside, or
            without tensors.
    """
    _check_archive(path)
    if path.suffix == ".safetensors":  # torch.load goes by the name
        raise CheckpointError(
            f"{path} is a PyTorch file in spite of its name. Rename it to end in .ckpt."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, error)) from error
    except Exception as error:  # a hostile or damaged pickle can fail in any way
        raise CheckpointError(
            f"{path} is damaged and cannot be read ({_first_line(error)}). Copy it again."
        ) from error
    weights = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights:
        raise CheckpointError(f"{path} holds no weights: neither a state_dict nor tensors by name.")
    tensors = {}
    for key, value in weights.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f"{path} holds a {type(value).__name__} at {shown(str(key))} among its weights. "
                "Only tensors by name are read."
            )
        tensors[key.removeprefix("module.")] = in_memory(value.detach(), path)
    return TensorFile(path, tensors, {})


def is_pickle(path: Path) -> bool:
    """Whether a file is PyTorch's, by its name or its first bytes."""
    if path.suffix.lower() in PICKLE_SUFFIXES:
        return True
    try:
        with open(path, "rb") as file:
            return _is_pickle(file.read(9))
    except OSError:
        return False  # whoever opens it says why it cannot be read


def in_memory(tensor: Tensor, file: Path) -> StoredTensor:
    """A tensor that need not be read any more, as if it were still in its file."""
    return StoredTensor(tuple(tensor.shape), tensor.dtype, file, lambda: tensor)


def write_tensors(
    path: Path, tensors: Mapping[str, StoredTensor], metadata: Mapping[str, str]
) -> None:
    """Writes a safetensors file as a whole or not at all, reading one tensor at a time.

    The same tensors and metadata give the same bytes. (The safetensors library writes metadata in
    random order, which would give a model another hash each time.)

    Raises:
        CheckpointError: the folder is missing or cannot be written to.
    """
    # The format's own order, which keeps every tensor aligned.
    order = sorted(tensors, key=lambda key: (-tensors[key].dtype.itemsize, key))
    # "format" tells Transformers and diffusers that torch wrote the file.
    header: dict[str, Any] = {"__metadata__": {"format": "pt", **metadata}}
    end = 0
    for key in order:
        tensor = tensors[key]
        start, end = end, end + math.prod(tensor.shape) * tensor.dtype.itemsize
        header[key] = {
            "dtype": DTYPE_NAMES[tensor.dtype],
            "shape": tensor.shape,
            "data_offsets": (start, end),
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for key in order:
                file.write(_bytes(tensors[key].read()))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, or of the names and hashes of a folder's safetensors files.

    Raises:
        CheckpointError: it cannot be read.
    """
    if path.is_dir():
        total = hashlib.sha256()
        for part in sorted(path.rglob("*.safetensors")):
            total.update(f"{part.relative_to(path).as_posix()} {file_hash(part)}\n".encode())
        return total.hexdigest()
    total = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(2**20):
                total.update(block)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {_first_line(error)}.") from error
    return total.hexdigest()


def _stored(handle: Any, key: str, path: Path) -> StoredTensor:
    header = handle.get_slice(key)
    kind = header.get_dtype()
    if kind not in DTYPES:
        raise CheckpointError(
            f"{path} holds {shown(key)} as {kind}, which is not supported. "
            "Store it as F32, F16 or BF16."
        )
    return StoredTensor(
        tuple(header.get_shape()), DTYPES[kind], path, lambda: handle.get_tensor(key)
    )


def _is_pickle(start: bytes) -> bool:
    """A zip archive or a bare pickle; a safetensors file may begin alike, but has a brace there."""
    return start[8:] != b"{" and start.startswith((b"PK", b"\x80"))


def shown(key: str) -> str:
    """A name from a file, safe to print: it may be endless or steer a terminal."""
    return key if key.isprintable() and len(key) <= 160 else repr(key[:160])


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data


def _check_start(path: Path) -> None:
    """Refuses what is no safetensors file by its first bytes, before a library reads it."""
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            start = file.read(9)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist. Is the path right?") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {_first_line(error)}.") from error
    if size == 0:
        raise CheckpointError(f"{path} is empty. Copy or download it again.")
    if path.suffix.lower() in PICKLE_SUFFIXES or _is_pickle(start):
        raise CheckpointError(
            f"{path} is a PyTorch file, which can carry code, so it is not loaded. "
            f"Convert it once with: c2gm convert {path.name} OUT.safetensors"
        )
    if start[8:] != b"{":
        raise CheckpointError(
            f"{path} is no safetensors file. Give a model file that ends in .safetensors."
        )
    header = int.from_bytes(start[:8], "little")
    if header > size - 8:
        raise CheckpointError(
            f"{path} is damaged or cut short: its header should have {header} bytes, the file "
            f"has {size}. Copy or download it again."
        )
    if header > HEADER_LIMIT:
        raise CheckpointError(
            f"{path} has a header of {header} bytes, more than the {HEADER_LIMIT} of any real "
            "model. It is damaged or made to do harm."
        )


def _check_archive(path: Path) -> None:
    """Only PyTorch's zip format, uncompressed as PyTorch writes it: no bomb can unfold."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist. Is the path right?") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} is cut short, or in PyTorch's format from before 2020, or no PyTorch file "
            f"({_first_line(error)}). Copy it again, or save it again with a newer PyTorch."
        ) from error
    if sum(entry.file_size for entry in entries) > size or any(
        entry.compress_type != zipfile.ZIP_STORED for entry in entries
    ):
        raise CheckpointError(
            f"{path} is compressed inside, as PyTorch never writes it. It is made to do harm, or "
            "must be saved again with PyTorch."
        )


def _refusal(path: Path, error: Exception) -> str:
    """Why safe reading refused a pickle; the name of what it wanted to use is in the message."""
    found = re.search(r"GLOBAL\s+`?([\w.]+\w)", str(error))
    wanted = found and found[1]
    if wanted and "lightning" in wanted:
        return (
            f"{path} holds the class {wanted} beside its weights, as old versions of Lightning "
            "wrote it, and classes are never loaded. Where you trust the file and have Lightning, "
            "save its 'state_dict' alone with torch.save and convert that."
        )
    what = f"wants to run {wanted}" if wanted else f"is refused ({_first_line(error)})"
    return (
        f"{path} carries code or objects beside its weights: it {what}. Nothing of it was run. "
        "Ask its maker for the weights alone."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
