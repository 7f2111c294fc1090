"""What measuring needs of scikit-image, with a clear word where it is not installed."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import MissingExtra


def scikit_image(module: str) -> Any:
    """One module of scikit-image: "metrics", "morphology" or "color".

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(f"skimage.{module}")
    except ModuleNotFoundError as error:
        package = "scikit-image" if error.name == "skimage" else error.name
        raise MissingExtra(
            f"Measuring maps needs the package {package}, which is not installed. "
            'Install it with: pip install "c2gm[evaluate]"'
        ) from error
