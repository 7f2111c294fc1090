"""What a machine that died while it wrote a map leaves beside it, and who clears it away.

The job notes the temporary name before anything is written under it; the next run of the job, which
nobody else can have open, deletes what is left of it.
"""

from __future__ import annotations

from pathlib import Path

from ..tilesets.storing import clear_temporaries

FILE_NAME = "writing.txt"  # in the job's folder


def note_temporary(folder: Path, temporary: Path) -> None:
    """Write down the temporary name of a map that is being written."""
    (folder / FILE_NAME).write_text(temporary.stem, encoding="utf-8")


def clear_litter(folder: Path, out_path: Path) -> None:
    """Delete what an earlier run of a job left of a map; only names that such a run gives."""
    try:
        stem = (folder / FILE_NAME).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    clear_temporaries(out_path, stem)
