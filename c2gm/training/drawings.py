"""The maps of one piece of ground: by grid and look, each generalised and prepared once."""

from __future__ import annotations

import numpy as np

from ..cartography.generalise import generalise
from ..cartography.map_objects import MapObjects
from ..cartography.render import MapDrawing
from ..cartography.style import Style, built_in_style
from ..grid import PixelBox
from ..references import parent_box

FIRST_ZOOM, LAST_ZOOM = 14, 18  # of the house style


class Drawings:
    """The drawings of one vector world, each made when first asked for.

    Args:
        objects: the vectors, metres of EPSG:3857.
        style: by default the house style.
    """

    def __init__(self, objects: MapObjects, style: Style | None = None) -> None:
        self._objects = objects
        self._style = style or built_in_style()
        self._shown: dict[int, MapObjects] = {}
        self._made: dict[tuple[int, int], MapDrawing] = {}

    def of(self, zoom: int, look: int | None = None) -> MapDrawing:
        """The drawing of a look, by default the zoom's own, on the grid of a zoom."""
        look = zoom if look is None else look
        if look not in self._shown:
            self._shown[look] = generalise(self._objects, look, self._style)
        if (zoom, look) not in self._made:
            self._made[zoom, look] = MapDrawing(
                self._shown[look], zoom, look=look, style=self._style, generalised=True
            )
        return self._made[zoom, look]

    def parent(self, box: PixelBox, look: int, factor: int) -> np.ndarray | None:
        """The map below a box of that look, with the margin of `parent_box`, uint8 [h,w,3].

        None below the first zoom of the style.
        """
        parents = parent_box(box, factor)
        look -= box.zoom - parents.zoom
        return self.of(parents.zoom, look).picture(parents) if look >= FIRST_ZOOM else None
