"""Hash of what decides the pixels of imagery, quick for large files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

WHOLE_BYTES = 64 << 20
_ALL_WHOLE_BYTES = 256 << 20
_END_BYTES = 1 << 20
_MANY = 100  # files: then less of each is read


def fingerprint_files(files: Sequence[Path], options: Sequence[object]) -> str:
    """SHA-256 in hex of files and of the options they are read with.

    Files of up to 64 MiB are read whole, 256 MiB in all; of larger ones size, first and last MiB
    count (a sixteenth of that where they are many). Neither names nor times count, so that a copy
    elsewhere is the same imagery.
    """
    digest = hashlib.sha256(repr(tuple(options)).encode())
    sizes = {path: path.stat().st_size for path in files}
    end = _END_BYTES if len(sizes) <= _MANY else _END_BYTES // 16
    few = sum(sizes.values()) <= _ALL_WHOLE_BYTES or len(sizes) == 1
    for path, size in sorted(sizes.items()):
        digest.update(b"%d;" % size)
        with path.open("rb") as file:
            if size <= 2 * end or (few and size <= WHOLE_BYTES):
                while chunk := file.read(_END_BYTES):
                    digest.update(chunk)
            else:
                digest.update(file.read(end))
                file.seek(size - end)
                digest.update(file.read(end))
    return digest.hexdigest()
