"""Edits that were made in ComfyUI's mask and paint editor, or come as IMAGE and MASK.

The editor saves its layers beside each other in input/clipspace: the whole picture, whose opacity
is what the mask leaves, and the strokes of the paint brush alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..c2gm.cascade.edits import Edit, edit_of_picture
from ..c2gm.errors import ConfigError
from ..c2gm.legend import FLAT_CLASSES, LEGEND, nearest_class, palette
from ..c2gm.painting.window_inputs import read_mosaic
from ..c2gm.tilesets.open import open_tileset
from ..c2gm.tilesets.stitch import picture_box
from .areas import PickedArea
from .files import existing_path, input_folder

FILLS = tuple(entry.name for entry in LEGEND[:FLAT_CLASSES])
PICTURES = (".png", ".webp", ".jpg", ".jpeg")
FORMATS = ("PNG", "WEBP", "JPEG")
MAX_SIDE = 8192  # px of a picture in the editor
HALF = 128  # opacity from which a stroke or a mask counts
TOLERANCE = 8  # levels by which a picture may differ where nobody edited it
SAVED_BY_EDITOR = re.compile(r"^clipspace-painted-masked-(\d+)( \(\d+\))?\.png$")
ANNOTATION = " [input]"


@dataclass(frozen=True)
class EditedZoom:
    """A zoom of a map as it is, uint8 [H,W,3], and what shall be otherwise."""

    shown: np.ndarray
    edit: Edit


@dataclass(frozen=True)
class Drawn:
    """What somebody drew over a picture of the map.

    Attributes:
        colours: uint8 [H,W,3].
        where: Where they count, bool [H,W].
    """

    colours: np.ndarray
    where: np.ndarray

    def over(self, other: Drawn) -> Drawn:
        """Both, this one on top."""
        colours = np.where(self.where[..., None], self.colours, other.colours)
        return Drawn(colours, self.where | other.where)


def edit_path(name: str) -> Path:
    """The file of an edited picture's name, as the editor writes it into the node's field.

    Raises:
        ConfigError: it is no picture of the input folder.
    """
    path = existing_path(name.strip().removesuffix(ANNOTATION), input_folder())
    if not path.is_file() or path.suffix.lower() not in PICTURES:
        raise ConfigError(
            f"{path.name} is no picture. Paint on the picture of this node, or leave image empty."
        )
    return path


def drawn_in_editor(path: Path, shown: np.ndarray, fill: str) -> Drawn:
    """What was drawn in a file: strokes and mask of the editor, or any picture of the map.

    Args:
        path: Of `edit_path`.
        shown: The picture that was edited, uint8 [H,W,3].
        fill: The class that masked ground becomes.

    Raises:
        ConfigError: it cannot be read or has another size.
    """
    picture = _read(path, shown.shape)
    saved = SAVED_BY_EDITOR.match(path.name)
    if saved is None:
        changed = drawn_in_image(picture[..., :3], shown)
        return Drawn(changed.colours, changed.where & (picture[..., 3] >= HALF))
    masked = drawn_in_mask(picture[..., 3] < HALF, fill)
    strokes = path.with_name(f"clipspace-paint-{saved[1]}.png")
    if not strokes.is_file():
        return masked
    layer = _read(strokes, shown.shape)
    painted = palette()[nearest_class(layer[..., :3])]
    return Drawn(painted, layer[..., 3] >= HALF).over(masked)


def drawn_in_image(image: np.ndarray, shown: np.ndarray) -> Drawn:
    """Where an edited picture uint8 [H,W,3] differs from the one that was shown.

    Raises:
        ConfigError: it has another size.
    """
    _check_size(image.shape, shown.shape)
    different = np.abs(image.astype(np.int16) - shown).max(axis=-1) > TOLERANCE
    return Drawn(image, different)


def drawn_in_mask(mask: np.ndarray, fill: str) -> Drawn:
    """A class of the legend wherever a mask bool [H,W] is True.

    Raises:
        ConfigError: the legend has no such class.
    """
    colour = np.array(LEGEND[checked_fill(fill)].colour, dtype=np.uint8)
    return Drawn(np.broadcast_to(colour, (*mask.shape, 3)), mask)


def checked_fill(name: str) -> int:
    """Class id of a class that ground can become.

    Raises:
        ConfigError: the legend has no such class.
    """
    if name not in FILLS:
        raise ConfigError(f"The legend has no class {name!r}. Its classes are {', '.join(FILLS)}.")
    return FILLS.index(name)


def read_edit(
    map_path: Path,
    zoom: int,
    area: PickedArea | None,
    *,
    image: str,
    fill: str,
    edited: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> EditedZoom:
    """A zoom of a map and what was drawn over it.

    Args:
        map_path: The map.
        zoom: One of its zooms.
        area: The ground that the picture shows; all of the zoom without.
        image: Name of a picture that the editor saved, or empty.
        fill: The class that masked ground becomes.
        edited: An edited picture, uint8 [H,W,3].
        mask: Where `fill` is put, bool [H,W].

    Raises:
        C2GMError: the map has no such zoom, or an edit does not fit the picture.
    """
    bounds = None if area is None else area.bounds
    path = edit_path(image) if image.strip() else None
    with open_tileset(map_path) as map_:
        box = picture_box(map_, zoom, bounds)
        if max(box.width, box.height) > MAX_SIDE:
            raise ConfigError(
                f"Zoom {zoom} of the map is {box.width:,} x {box.height:,} px, too large to paint "
                f"on ({MAX_SIDE:,} a side). Connect an area, or choose a lower zoom."
            )
        shown = read_mosaic(map_.get, box)
        drawn = Drawn(shown, np.zeros(shown.shape[:2], dtype=bool))
        if edited is not None:
            drawn = drawn_in_image(edited, shown).over(drawn)
        if mask is not None:
            _check_size(mask.shape, shown.shape)
            drawn = drawn_in_mask(mask, fill).over(drawn)
        if path is not None:
            drawn = drawn_in_editor(path, shown, fill).over(drawn)
        opacity = np.where(drawn.where, np.uint8(255), np.uint8(0))[..., None]
        picture = np.concatenate([drawn.colours, opacity], axis=-1)
        return EditedZoom(shown, edit_of_picture(map_, box, picture))


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A picture with opacity, uint8 [H,W,4]; its size is checked before it is decoded."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_size((image.height, image.width), shape)
            return np.asarray(image.convert("RGBA"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ConfigError(f"{path.name} cannot be read as a picture. Paint it again.") from error


def _check_size(size: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if tuple(size[:2]) != tuple(shape[:2]):
        raise ConfigError(
            f"The edit has {size[1]} x {size[0]} px, but the map has {shape[1]} x {shape[0]} at "
            "this zoom. Paint on the picture of this node, or clear the edit."
        )
