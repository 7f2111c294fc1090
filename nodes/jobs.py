"""The jobs of the Cascade Sampler below output/c2gm/jobs: listed, and deleted when asked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ..c2gm.errors import C2GMError, ConfigError
from .files import existing_path, output_folder, stamp

UNFINISHED = ".c2gm-job"
FINISHED = ".mbtiles"


@dataclass
class Deletions:
    """How many jobs were deleted, so that a node knows that its map may be gone."""

    count: int = 0


DELETED = Deletions()


def jobs_folder() -> Path:
    """Where jobs lie."""
    return output_folder() / "jobs"


def job_names() -> list[str]:
    """Finished and unfinished jobs, the latest first."""
    folder = jobs_folder()
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.name.endswith((UNFINISHED, FINISHED))]
    return [path.name for path in sorted(found, key=lambda path: -path.stat().st_mtime)]


def job_path(name: str) -> Path:
    """The file or folder of a job.

    Raises:
        ConfigError: there is none of this name, or it is no job.
    """
    path = existing_path(name, jobs_folder())
    if path.parent != jobs_folder().resolve() or not name.endswith((UNFINISHED, FINISHED)):
        raise ConfigError(f"{name} is no job. Choose one of the list.")
    return path


def job_line(name: str) -> str:
    """What a job is: name, map, size, age."""
    from ..c2gm.tilesets.open import open_tileset

    path = jobs_folder() / name
    size, changed = stamp(path)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(changed / 1e9))
    facts = f"{size / 1e6:.1f} MB, {when}"
    if name.endswith(UNFINISHED):
        return f"{name}: unfinished, {facts}"
    try:
        with open_tileset(path) as tileset:
            title, zooms = tileset.metadata.get("name", "map"), tileset.zooms
    except C2GMError as error:
        return f"{name}: {error}"
    return f"{name}: {title}, zooms {min(zooms)} to {max(zooms)}, {facts}"


def delete_job(name: str) -> None:
    """Delete a job for good.

    Raises:
        JobLocked: it is being painted.
        ConfigError: it is no job, or a file that C2GM did not write.
    """
    from ..c2gm.cascade.ledger import FILE_NAME, Ledger
    from ..c2gm.tilesets.metadata import is_ours
    from ..c2gm.tilesets.open import open_tileset

    path = job_path(name)
    if name.endswith(UNFINISHED):
        if not (path / FILE_NAME).is_file():
            raise ConfigError(f"{name} is no job of C2GM. Delete it yourself.")
        with Ledger(path) as ledger:
            ledger.delete()
    else:
        with open_tileset(path) as tileset:
            ours = is_ours(tileset.metadata)
        if not ours:
            raise ConfigError(f"{name} was not made by C2GM. Delete it yourself.")
        path.unlink()
    DELETED.count += 1
