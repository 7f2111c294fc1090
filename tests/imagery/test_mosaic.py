"""Several files read as one: without seams where they are of one grid, side by side where not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from c2gm.errors import ImageryError
from c2gm.grid import PixelBox, tiles_in_bounds
from c2gm.imagery.mosaic import MosaicImagery, surrounding
from c2gm.imagery.raster import RasterImagery
from c2gm.sources import HowToRead, open_sources

WriteRaster = Callable[..., Path]
NEAR_DUBAI = Affine(1, 0, 327000, 0, -1, 2773000)


def moved(transform: Affine, column: float, row: float) -> Affine:
    """The transform of a raster that begins so many pixels to the right and down."""
    a, b, c, d, e, f = transform[:6]
    return Affine(a, b, c + a * column + b * row, d, e, f + d * column + e * row)


def part(bands: np.ndarray, column: int, row: int, width: int, height: int) -> dict[str, object]:
    """Bands and position of a part of a raster near Dubai."""
    return {
        "bands": bands[:, row : row + height, column : column + width],
        "transform": moved(NEAR_DUBAI, column, row),
    }


@pytest.fixture
def quarters(write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path) -> list[Path]:
    """Four overlapping parts of one raster, in a folder of their own."""
    (tmp_path / "parts").mkdir()
    return [
        write_raster(name=f"parts/{row}-{column}.tif", **part(noise, column, row, 220, 160))
        for row in (0, 140)
        for column in (0, 180)
    ]


@pytest.mark.parametrize("zoom", [14, 16, 17, 18])
def test_parts_of_one_raster_read_like_the_whole_to_the_byte(
    write_raster: WriteRaster, noise: np.ndarray, quarters: list[Path], zoom: int
) -> None:
    whole, mosaic = open_sources(write_raster(noise, "whole.tif")), open_sources(quarters)
    assert isinstance(mosaic, RasterImagery)
    assert mosaic.bounds == pytest.approx(whole.bounds, abs=1e-12)
    assert mosaic.native_zoom == whole.native_zoom
    box = tiles_in_bounds(whole.bounds, zoom).box
    for pixels, expected in zip(mosaic.read(box), whole.read(box), strict=True):
        assert np.array_equal(pixels, expected)


def test_a_folder_of_rasters_is_their_mosaic_whatever_else_lies_in_it(
    quarters: list[Path],
) -> None:
    folder = quarters[0].parent
    (folder / "readme.txt").write_text("orthophotos")
    with rasterio.open(quarters[0]) as dataset:  # overviews beside the raster, as a file
        rasterio.shutil.copy(dataset, folder / "0-0.tif.ovr", driver="GTiff")
    (folder / ".hidden.tif").write_bytes(b"II*\0")
    mosaic = open_sources(folder)
    assert mosaic.name == "parts"
    assert mosaic.fingerprint == open_sources(str(folder)).fingerprint
    box = tiles_in_bounds(mosaic.bounds, 16).box
    assert np.array_equal(mosaic.read(box)[0], open_sources(quarters).read(box)[0])


def test_a_gap_between_parts_is_invalid(
    write_raster: WriteRaster, noise: np.ndarray, quarters: list[Path]
) -> None:
    whole, mosaic = open_sources(write_raster(noise, "w.tif")), open_sources(quarters[:3])
    box = tiles_in_bounds(whole.bounds, 17).box
    rgb, valid = mosaic.read(box)
    expected, everywhere = whole.read(box)
    missing = 180 * 140 / (400 * 300)
    assert valid.sum() / everywhere.sum() == pytest.approx(1 - missing, abs=0.01)
    inner = valid & everywhere
    assert (rgb[inner] == expected[inner]).mean() > 0.99  # but for the rim of the gap
    assert not rgb[~valid].any()


def test_the_first_named_lies_on_top_and_its_holes_show_the_next(
    write_raster: WriteRaster,
) -> None:
    bands = np.full((3, 100, 100), 50, np.uint8)
    holed = np.full((3, 100, 100), 200, np.uint8)
    holed[:, 40:60, 40:60] = 0
    on_top, below = write_raster(holed, "a.tif", nodata=0), write_raster(bands, "b.tif", nodata=0)
    for mask in (None, np.where(holed[0] > 0, 255, 0).astype(np.uint8)):
        if mask is not None:
            on_top = write_raster(holed, "a.tif", mask=mask)
            below = write_raster(bands, "b.tif", mask=np.full((100, 100), 255, np.uint8))
        for names in ([on_top, below], [below, on_top]):
            mosaic = open_sources(names)
            assert isinstance(mosaic, RasterImagery)
            rgb, valid = mosaic.read(tiles_in_bounds(mosaic.bounds, 17).box)
            seen = {int(value) for value in np.unique(rgb[valid])}
            assert {50, 200} <= seen if names[0] == on_top else seen == {50}
            assert valid.sum() == pytest.approx(10_000 / 1.0825**2, rel=0.05)


def test_rasters_of_several_systems_and_kinds_lie_side_by_side(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    utm = write_raster(noise, "utm.tif")
    west, _, east, north = open_sources(utm).bounds
    step = (east - west) / 400
    degrees = write_raster(
        noise[:1], "grey.tif", crs="EPSG:4326", transform=Affine(step, 0, east, 0, -step, north)
    )
    mosaic = open_sources([utm, degrees])
    assert isinstance(mosaic, MosaicImagery)
    assert mosaic.name == "utm.tif, grey.tif"
    assert mosaic.bounds[0] == pytest.approx(west)
    assert mosaic.bounds[2] == pytest.approx(east + 400 * step)
    box = tiles_in_bounds(mosaic.bounds, 16).box
    rgb, valid = mosaic.read(box)
    first, first_valid = open_sources(utm).read(box)
    second, second_valid = open_sources(degrees).read(box)
    assert np.array_equal(valid, first_valid | second_valid)
    assert np.array_equal(rgb[first_valid], first[first_valid])
    rest = second_valid & ~first_valid
    assert rest.sum() > 5_000
    assert np.array_equal(rgb[rest], second[rest])


def test_a_raster_and_a_folder_of_tiles_make_one_imagery(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path
) -> None:
    raster = open_sources(write_raster(noise))
    box = tiles_in_bounds(raster.bounds, 16).box
    tile = tmp_path / "tiles" / "16" / str(box.left // 256 + 1) / f"{box.top // 256}.png"
    tile.parent.mkdir(parents=True)
    Image.new("RGB", (256, 256), (9, 8, 7)).save(tile)
    mosaic = open_sources([tmp_path / "raster.tif", tmp_path / "tiles"])
    rgb, valid = mosaic.read(box.grown(300))
    inner = rgb[300:-300, 300:-300], valid[300:-300, 300:-300]
    alone, alone_valid = raster.read(box)
    assert np.array_equal(inner[0][alone_valid], alone[alone_valid])
    assert (inner[0][:256, 256:512][~alone_valid[:256, 256:512]] == (9, 8, 7)).all()
    assert inner[1][:256, 256:512].all()


def test_values_of_16_bits_are_stretched_alike_in_all_parts(write_raster: WriteRaster) -> None:
    slope = np.broadcast_to(np.linspace(400, 4000, 400).astype(np.uint16), (3, 300, 400))
    parts = [
        write_raster(name=f"{column}.tif", **part(slope, column, 0, 100, 300))
        for column in (0, 100, 200, 300)
    ]
    mosaic = open_sources(parts)
    assert isinstance(mosaic, RasterImagery)
    assert "percentiles 2 and 98" in mosaic.reading
    # Of two systems, they stay pieces: the stretch is still that of all.
    east = part(slope, 300, 0, 100, 300)
    east["transform"] = moved(east["transform"], 0.37, 0)  # type: ignore[arg-type]
    pieces = open_sources([*parts[:3], write_raster(name="east.tif", **east)])
    assert isinstance(pieces, MosaicImagery)
    box = tiles_in_bounds(mosaic.bounds, 17).box
    for imagery in (mosaic, pieces):
        rgb, valid = imagery.read(box)
        middle = rgb[150, valid[150], 0].astype(int)
        assert (np.diff(middle) >= -1).all()  # one slope through all, no steps back at the seams
        assert middle[0] <= 2 and middle[-1] >= 253
    given = open_sources(parts, HowToRead(stretch=(400, 4000)))
    assert given.reading == "values 400 to 4000 (as given) shown as 0 to 255"
    assert given.fingerprint != mosaic.fingerprint


def test_overviews_of_all_parts_serve_far_reductions(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    parts = [
        write_raster(name=f"{c}.tif", overviews=[2, 4, 8], **part(noise, c, 0, 200, 300))
        for c in (0, 200)
    ]
    mosaic = open_sources(parts)
    box = tiles_in_bounds(mosaic.bounds, 13).box
    rgb, valid = mosaic.read(box)
    expected, expected_valid = open_sources(write_raster(noise, "plain.tif")).read(box)
    assert np.array_equal(valid, expected_valid)
    assert not np.array_equal(rgb, expected)  # by another filter
    assert np.abs(rgb[valid].mean(axis=0) - expected[valid].mean(axis=0)).max() < 3


def test_files_beyond_what_may_be_open_at_once_are_still_read(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    names = []
    for number in range(70):
        placed = part(noise, 5 * number, 0, 5, 300)
        placed["transform"] = moved(placed["transform"], 0.01 * number, 0)  # type: ignore[arg-type]
        names.append(write_raster(name=f"{number}.tif", **placed))
    mosaic = open_sources(names)
    assert isinstance(mosaic, MosaicImagery)
    _, valid = mosaic.read(tiles_in_bounds(mosaic.bounds, 17).box)
    assert valid.sum() == pytest.approx(350 * 300 / 1.0825**2, rel=0.03)
    assert mosaic.name == "0.tif, 1.tif, 68 more files"


def test_the_credits_of_the_parts_are_all_told(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    names = []
    for number, credit in enumerate(("(c) North", "(c) South", "(c) North")):
        names.append(write_raster(name=f"{number}.tif", **part(noise, 100 * number, 0, 100, 300)))
        with rasterio.open(names[-1], "r+") as dataset:
            dataset.update_tags(TIFFTAG_COPYRIGHT=credit)
    assert open_sources(names).attribution == "(c) North; (c) South"
    assert open_sources(names, attribution="me").attribution == "me"


def test_a_mosaic_is_another_when_a_part_or_its_place_changes(
    write_raster: WriteRaster, noise: np.ndarray, quarters: list[Path]
) -> None:
    prints = {open_sources(quarters).fingerprint, open_sources(quarters[:3]).fingerprint}
    prints.add(open_sources(quarters[::-1]).fingerprint)  # others lie on top
    write_raster(name="parts/0-0.tif", **part(255 - noise, 0, 0, 220, 160))
    prints.add(open_sources(quarters).fingerprint)
    assert len(prints) == 4


def test_one_unreadable_part_is_named(quarters: list[Path]) -> None:
    quarters[2].write_bytes(b"II*\0 spoilt")
    with pytest.raises(ImageryError, match=r"140-0\.tif cannot be read"):
        open_sources(quarters)


def test_nothing_named_and_bounds_for_many_are_refused(quarters: list[Path]) -> None:
    with pytest.raises(ImageryError, match="No imagery is named"):
        open_sources([])
    with pytest.raises(ImageryError, match="these are 4 files"):
        open_sources(quarters, HowToRead(picture_bounds=(1, 2, 3, 4)))


longitudes = st.floats(-180, 180).map(lambda value: round(value, 3))


@given(longitudes, longitudes, longitudes, longitudes)
def test_bounds_around_two_hold_both_and_are_the_narrowest(
    a: float, b: float, c: float, d: float
) -> None:
    west, _, east, _ = surrounding((a, 0, b, 1), (c, 0, d, 1))
    width = (east - west) % 360 or 360.0
    for inner_west, inner_east in ((a, b), (c, d)):
        inner = (inner_east - inner_west) % 360 or 360.0
        assert (inner_west - west) % 360 + inner <= width + 1e-6 or width == 360
    assert -180 <= west <= 180 and -180 <= east <= 180


def test_bounds_across_the_antimeridian_stay_short() -> None:
    assert surrounding((170, 0, 175, 1), (-178, -1, -170, 2)) == (170, -1, -170, 2)
    assert surrounding((179, 0, -179, 1), (-179, 0, -178, 1)) == (179, 0, -178, 1)
    assert surrounding((-180, 0, 180, 1), (5, 0, 6, 1)) == (-180, 0, 180, 1)


def test_reading_a_box_of_a_mosaic_equals_the_crop_of_a_larger_read(
    write_raster: WriteRaster, noise: np.ndarray
) -> None:
    turned = part(noise, 200, 0, 200, 300)
    step = Affine(np.cos(0.03), np.sin(0.03), 327200, np.sin(0.03), -np.cos(0.03), 2773000)
    turned["transform"] = step
    names = [
        write_raster(name="a.tif", **part(noise, 0, 0, 200, 300)),
        write_raster(name="b.tif", **turned),
    ]
    mosaic = open_sources(names)
    box = tiles_in_bounds(mosaic.bounds, 17).box
    rgb, valid = mosaic.read(box)
    small = PixelBox(17, box.left + 100, box.top + 130, box.left + 300, box.top + 200)
    again, again_valid = open_sources(names).read(small)
    assert np.array_equal(again, rgb[130:200, 100:300])
    assert np.array_equal(again_valid, valid[130:200, 100:300])
