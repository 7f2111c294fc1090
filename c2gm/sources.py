"""Imagery by the names that a user gives: of any kind, one or many, read as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import C2GMError, ImageryError
from .imagery.blocks import DEFAULT_CACHE_BYTES, BlockImagery
from .imagery.datasets import DatasetPool
from .imagery.inspect import Inspected, look_at, prepared
from .imagery.mosaic import MosaicImagery
from .imagery.mosaic_raster import on_one_grid
from .imagery.open import open_imagery
from .imagery.raster import RasterImagery
from .imagery.remote import RemoteTiles, is_template, shown_address
from .imagery.source import Nodata, Stretch, is_raster
from .imagery.stretch import by_percentiles, stretched, values_of
from .imagery.tile_archive import TileArchive
from .imagery.tile_folder import TileFolder, holds_tiles
from .imagery.tiles import TileImagery, TileStore
from .imagery.vrt_file import is_vrt

_ARCHIVES = (b"SQLite format 3\0", b"PMTiles")
_NAMED_MOST = 3  # files named in the name of a mosaic


@dataclass(frozen=True)
class HowToRead:
    """What the user says of the imagery, as far as the files do not.

    Attributes:
        crs: Coordinate system of the rasters, like "EPSG:32632"; replaces their own.
        nodata: The value of invalid pixels; "none" ignores the files' own; None believes them.
        picture_bounds: (west, south, east, north) in degrees of one picture without position.
        stretch: (low, high), the values that become 0 and 255, of rasters; None lets the pixels of
            all of them together decide.
    """

    crs: str | None = None
    nodata: Nodata = None
    picture_bounds: tuple[float, float, float, float] | None = None
    stretch: Stretch = None

    @property
    def given(self) -> bool:
        """Whether anything is said."""
        return self != HowToRead()


def open_sources(
    sources: str | Path | Sequence[str | Path],
    how: HowToRead | None = None,
    *,
    attribution: str = "",
) -> BlockImagery:
    """Imagery of one or several sources, read as one.

    Args:
        sources: Rasters (GeoTIFF, COG, VRT, JPEG 2000), pictures, folders of rasters, folders
            `{z}/{x}/{y}.png|jpg|webp`, MBTiles or PMTiles of pictures, or templates like
            `https://example.org/{z}/{x}/{y}.jpg`. Where several overlap, the first that is valid
            shows.
        how: What the files do not say.
        attribution: Credit; a text replaces those of the files.

    Raises:
        ImageryError: it cannot be read or placed, or is placed twice; says what to give.
        MissingCRS: a raster does not name its coordinate system.
        AreaError: `picture_bounds` are no place on Earth.
    """
    how = how or HowToRead()
    names = [sources] if isinstance(sources, str | Path) else list(sources)
    if not names or any(str(name) == "" or "\0" in str(name) for name in names):
        raise ImageryError("No imagery is named. Give a raster, a folder or a tile set.")
    files, title = _expanded(names)
    if len(files) == 1:
        return _open_one(files[0], how, attribution)
    if how.picture_bounds is not None:
        raise ImageryError(
            f"--picture-bounds place one picture, and these are {len(files)} files. "
            "Give each picture a world file, or its bounds by a GeoTIFF."
        )
    return _open_many(files, how, title, attribution)


def _open_one(name: str, how: HowToRead, attribution: str) -> BlockImagery:
    if is_template(name) or _is_archive(name):
        _refuse_raster_options(name, how)
        return TileImagery(_tile_store(name), attribution=attribution)
    return open_imagery(
        name,
        crs=how.crs,
        nodata=how.nodata,
        picture_bounds=how.picture_bounds,
        stretch=how.stretch,
        attribution=attribution,
    )


def _open_many(names: Sequence[str], how: HowToRead, title: str, attribution: str) -> BlockImagery:
    """A mosaic: rasters of one grid as one raster, all else piece by piece."""
    rasters = [name for name in names if not _is_tiled(name)]
    if how.given and len(rasters) < len(names):
        _refuse_raster_options(next(name for name in names if _is_tiled(name)), how)
    found = [look_at(Path(name).resolve(), crs=how.crs, nodata=how.nodata) for name in rasters]
    options = ("mosaic", how.crs, str(how.nodata))
    if len(rasters) == len(names):
        whole = on_one_grid(found, title)
        if whole is not None:
            return RasterImagery(
                stretched(whole, how.stretch),
                options=(*options, [entry.source.name for entry in found], whole.transform[:6]),
                attribution=attribution,
            )
    pieces = dict(zip(rasters, _pieces(found, how.stretch, options), strict=True))
    members = [
        pieces[name] if name in pieces else TileImagery(_tile_store(name), cache_bytes=_SHARE)
        for name in names
    ]
    return MosaicImagery(members, name=title, attribution=attribution)


def _pieces(
    found: Sequence[Inspected], stretch: Stretch, options: tuple[object, ...]
) -> list[RasterImagery]:
    """Rasters for themselves, with one stretch for all that need one."""
    sources = [prepared(entry) for entry in found]
    pool = DatasetPool()
    values = None if stretch is not None or not sources else values_of(sources)
    read = [
        stretched(source, stretch)
        if stretch is not None
        else source
        if values is None or entry.dtypes[0] == "uint8" or entry.palette is not None
        else by_percentiles(source, values)
        for entry, source in zip(found, sources, strict=True)
    ]
    return [RasterImagery(source, options=options, cache_bytes=0, pool=pool) for source in read]


def _tile_store(name: str) -> TileStore:
    if is_template(name):
        return RemoteTiles(name)
    path = Path(name)
    if path.is_dir():
        return TileFolder(path)
    from .tilesets.open import open_tileset

    try:
        reader = open_tileset(path.resolve())
    except C2GMError as error:
        raise ImageryError(str(error)) from error
    try:
        return TileArchive(path, reader)
    except BaseException:
        reader.close()
        raise


def _expanded(names: Sequence[str | Path]) -> tuple[list[str], str]:
    """Every file, with folders of rasters opened up, and what to call all together."""
    files: dict[str, None] = {}
    for entry in names:
        name = str(entry)
        path = Path(name)
        if not is_template(name) and path.is_dir() and not holds_tiles(path):
            files |= dict.fromkeys(_rasters_in(path) or [name])
        else:
            files[name] = None
    if len(names) == 1 and len(files) > 1:
        return list(files), Path(str(names[0])).resolve().name
    called = [_called(name) for name in files]
    if len(called) > _NAMED_MOST:
        called = [*called[: _NAMED_MOST - 1], f"{len(called) - _NAMED_MOST + 1:,} more files"]
    return list(files), ", ".join(called)


def _called(name: str) -> str:
    """What to call a source: its file's name, or its host, since addresses hold keys."""
    return shown_address(name) if is_template(name) else Path(name).resolve().name


def _rasters_in(folder: Path) -> list[str]:
    """The rasters of a folder by name; other files are left alone."""
    found = sorted(entry for entry in folder.iterdir() if entry.is_file())
    return [str(entry) for entry in found if entry.name[0] != "." and _is_imagery(entry)]


def _is_imagery(path: Path) -> bool:
    # .ovr and .msk are TIFF files too, but belong to another.
    return path.suffix.lower() not in (".ovr", ".msk") and (is_raster(path) or is_vrt(path))


def _is_tiled(name: str) -> bool:
    return is_template(name) or Path(name).is_dir() or _is_archive(name)


def _is_archive(name: str) -> bool:
    """Whether a file begins as MBTiles or PMTiles do."""
    try:
        with Path(name).open("rb") as file:
            return file.read(16).startswith(_ARCHIVES)
    except (OSError, ValueError):
        return False


def _refuse_raster_options(name: str, how: HowToRead) -> None:
    if how.given:
        raise ImageryError(
            f"{_called(name)} holds map tiles, whose position is known. "
            "Leave --crs, --nodata, --stretch and --picture-bounds out."
        )


_SHARE = DEFAULT_CACHE_BYTES // 4  # of each tiled piece of a mosaic, which reads finer zooms itself
