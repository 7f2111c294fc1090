"""Hash of what decides the pixels of imagery, quick for large files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

WHOLE_BYTES = 64 << 20
_END_BYTES = 1 << 20


def fingerprint_files(files: Sequence[Path], options: Sequence[object]) -> str:
    """SHA-256 in hex of files and of the options they are read with.

    Files of up to 64 MiB are read whole; of larger ones size, first and last MiB count. Neither
    names nor times count, so that a copy elsewhere is the same imagery.
    """
    digest = hashlib.sha256(repr(tuple(options)).encode())
    for path in sorted(files):
        size = path.stat().st_size
        digest.update(b"%d;" % size)
        with path.open("rb") as file:
            if size <= WHOLE_BYTES:
                while chunk := file.read(_END_BYTES):
                    digest.update(chunk)
            else:
                digest.update(file.read(_END_BYTES))
                file.seek(size - _END_BYTES)
                digest.update(file.read(_END_BYTES))
    return digest.hexdigest()
