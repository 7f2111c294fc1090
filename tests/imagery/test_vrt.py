"""Virtual rasters on purpose: plain mosaics of local files, and nothing else that a VRT can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from c2gm.errors import ImageryError
from c2gm.grid import tiles_in_bounds
from c2gm.imagery.open import open_imagery

WriteRaster = Callable[..., Path]


def vrt_text(file: str, *, relative: int = 1, width: int = 400, extra: str = "") -> str:
    """A VRT of three bands of a file beside it, as gdalbuildvrt writes them."""
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band}"><ColorInterp>{name}</ColorInterp>'
        f'<SimpleSource><SourceFilename relativeToVRT="{relative}">{file}</SourceFilename>'
        f'<SourceBand>{band}</SourceBand><SrcRect xOff="0" yOff="0" xSize="{width}" ySize="300"/>'
        f'<DstRect xOff="0" yOff="0" xSize="{width}" ySize="300"/></SimpleSource>'
        f"{extra}</VRTRasterBand>"
        for band, name in ((1, "Red"), (2, "Green"), (3, "Blue"))
    )
    return (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="300"><SRS>EPSG:32640</SRS>'
        f"<GeoTransform>327000, 1, 0, 2773000, 0, -1</GeoTransform>{bands}</VRTDataset>\n"
    )


@pytest.mark.parametrize("relative", [1, 0])
def test_a_vrt_reads_like_the_raster_it_is_made_of(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path, relative: int
) -> None:
    raster = write_raster(noise, "part one & two.tif")
    name = "part one &amp; two.tif" if relative else str(raster).replace("&", "&amp;")
    vrt = tmp_path / "county.vrt"
    vrt.write_text(vrt_text(name, relative=relative))
    imagery, plain = open_imagery(vrt), open_imagery(raster)
    assert imagery.name == "county.vrt"
    box = tiles_in_bounds(plain.bounds, 17).box
    for pixels, expected in zip(imagery.read(box), plain.read(box), strict=True):
        assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("kind", ["rgb", "palette", "mask", "deep", "alpha"])
def test_a_vrt_that_gdal_writes_reads_like_its_raster(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path, kind: str
) -> None:
    hole = np.full((300, 400), 255, np.uint8)
    hole[100:150, 100:200] = 0
    if kind == "palette":
        table = {number: (number, 255 - number, 90, 255) for number in range(256)}
        raster = write_raster(noise[:1], colormap=table)
    elif kind == "mask":
        raster = write_raster(noise, mask=hole)
    elif kind == "deep":
        raster = write_raster(noise.astype(np.uint16) * 40, nodata=0)
    elif kind == "alpha":
        raster = write_raster(np.concatenate([noise, hole[None]]), photometric="rgb", alpha="yes")
    else:
        raster = write_raster(noise)
    vrt = tmp_path / "written.vrt"
    with rasterio.open(raster) as dataset:
        rasterio.shutil.copy(dataset, vrt, driver="VRT")
    imagery, plain = open_imagery(vrt), open_imagery(raster)
    assert imagery.reading == plain.reading
    for zoom in (15, 17):
        box = tiles_in_bounds(plain.bounds, zoom).box
        for pixels, expected in zip(imagery.read(box), plain.read(box), strict=True):
            assert np.array_equal(pixels, expected)


def test_the_fingerprint_of_a_vrt_is_that_of_its_files_too(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path
) -> None:
    write_raster(noise, "part.tif")
    vrt = tmp_path / "county.vrt"
    vrt.write_text(vrt_text("part.tif"))
    before = open_imagery(vrt).fingerprint
    write_raster(255 - noise, "part.tif")
    changed = open_imagery(vrt).fingerprint
    vrt.write_text(vrt_text("part.tif", width=390))
    assert len({before, changed, open_imagery(vrt).fingerprint}) == 3


def test_a_vrt_is_read_only_where_it_is_named_so(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path
) -> None:
    write_raster(noise, "part.tif")
    disguised = tmp_path / "photo.tif"
    disguised.write_text(vrt_text("part.tif"))
    with pytest.raises(ImageryError, match=r"photo\.tif is not a raster image"):
        open_imagery(disguised)


@pytest.mark.parametrize(
    "file",
    [
        "/vsicurl/https://example.org/a.tif",
        "/vsizip/part.zip/part.tif",
        "https://example.org/a.tif",
        "GTIFF_DIR:1:part.tif",
        "gone.tif",
        "&lt;VRTDataset/&gt;",
        "",
        ".",
    ],
)
def test_a_vrt_names_only_files_on_this_machine(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path, file: str
) -> None:
    write_raster(noise, "part.tif")
    vrt = tmp_path / "county.vrt"
    vrt.write_text(vrt_text(file))
    with pytest.raises(ImageryError, match=r"county\.vrt names .* no such file on this machine"):
        open_imagery(vrt)


def test_a_vrt_of_vrts_and_of_other_files_is_refused(
    write_raster: WriteRaster, noise: np.ndarray, tmp_path: Path
) -> None:
    write_raster(noise, "part.tif")
    (tmp_path / "inner.vrt").write_text(vrt_text("part.tif"))
    (tmp_path / "secret.txt").write_text("nobody's business")
    vrt = tmp_path / "outer.vrt"
    for file in ("inner.vrt", "secret.txt"):
        vrt.write_text(vrt_text(file))
        with pytest.raises(ImageryError, match=rf"outer\.vrt names the file {file}, which is not"):
            open_imagery(vrt)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda text: text.replace(
                "<ColorInterp>",
                "<PixelFunctionType>mul</PixelFunctionType><ColorInterp>",
            ),
            "has 'PixelFunctionType', which is not read",
        ),
        (
            lambda text: text.replace('band="1"', 'band="1" subClass="VRTDerivedRasterBand"'),
            "has 'VRTDerivedRasterBand'",
        ),
        (
            lambda text: text.replace("<VRTDataset", '<VRTDataset subClass="VRTWarpedDataset"'),
            "is no plain mosaic",
        ),
        (
            lambda text: text.replace("<SourceBand>", "<OpenOptions/><SourceBand>"),
            "has 'OpenOptions'",
        ),
        (
            lambda text: '<?xml version="1.0"?><!DOCTYPE v [<!ENTITY a "b">]>' + text,
            "too large or too odd",
        ),
        (lambda text: text[:300], "is damaged"),
        (lambda text: "<?xml version='1.0'?><GDAL_WMS/>", "is no plain mosaic"),
        (lambda text: "<VRTDataset/>", "names no raster"),
        (
            lambda text: text.replace("<SRS>", "<SRS>" * 40).replace("</SRS>", "</SRS>" * 40),
            "nests too deep",
        ),
    ],
)
def test_what_else_a_vrt_can_be_is_refused(
    write_raster: WriteRaster,
    noise: np.ndarray,
    tmp_path: Path,
    spoil: Callable[[str], str],
    message: str,
) -> None:
    write_raster(noise, "part.tif")
    vrt = tmp_path / "county.vrt"
    vrt.write_text(spoil(vrt_text("part.tif")))
    with pytest.raises(ImageryError, match=message):
        open_imagery(vrt)
