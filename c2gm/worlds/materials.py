"""How grounds and surfaces are textured: how much each changes light at which size of pattern."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

SPACING_STEPS = 6  # spacings of lines are kept in sixths of a metre
LINE_STRENGTHS = 4


@dataclass(frozen=True)
class Material:
    """Relative change of light (standard deviations) by size of pattern, and of hue.

    Attributes:
        grain: of one to three metres.
        clumps: of five to ten metres.
        patches: of twenty to sixty metres, with rims.
        drift: of hundreds of metres.
        hue: how much dry and lush, or clean and soiled, places differ in colour.
        trails: of tracks and rills that wind over it.
        scrub: of tufts and low bushes, here and there, which only darken.
    """

    grain: float
    clumps: float
    patches: float
    drift: float
    hue: float
    trails: float
    scrub: float


# Set so that spread and steps within classes come near those of real pictures, which
# benchmarks/measure_look.py prints.
MATERIALS = {
    "plain": Material(0.05, 0.03, 0.02, 0.04, 0.1, 0.03, 0.1),
    "lawn": Material(0.05, 0.035, 0.02, 0.04, 0.16, 0.0, 0.0),
    "meadow": Material(0.045, 0.025, 0.018, 0.05, 0.14, 0.07, 0.22),
    "garden": Material(0.1, 0.1, 0.04, 0.03, 0.25, 0.0, 0.12),
    "crop": Material(0.022, 0.018, 0.02, 0.05, 0.14, 0.03, 0.0),
    "wood": Material(0.06, 0.06, 0.05, 0.06, 0.2, 0.0, 0.0),
    "sand": Material(0.045, 0.02, 0.018, 0.08, 0.1, 0.09, 0.03),
    "yard": Material(0.05, 0.025, 0.018, 0.03, 0.06, 0.06, 0.06),
    "paving": Material(0.045, 0.03, 0.025, 0.02, 0.05, 0.0, 0.0),
    "pitch": Material(0.025, 0.02, 0.02, 0.02, 0.14, 0.0, 0.0),
    "water": Material(0.012, 0.008, 0.015, 0.09, 0.1, 0.0, 0.0),
    "roof": Material(0.055, 0.028, 0.01, 0.0, 0.05, 0.0, 0.0),
}
_NUMBERS = {name: number for number, name in enumerate(MATERIALS)}
TABLE = np.array([astuple(material) for material in MATERIALS.values()], dtype=np.float32)
USES = {  # material by use of a parcel or kind of area; others are "plain"
    "wood": "wood",
    "park": "meadow",
    "meadow": "meadow",
    "verge": "meadow",
    "fields": "crop",
    "farmland": "crop",
    "pitch": "pitch",
    "parking": "paving",
    "car_park": "paving",
    "road_area": "paving",
    "commercial": "yard",
    "industry": "yard",
    "yard": "yard",
    "farm": "yard",
    "old": "yard",
    "open": "sand",
    "bare": "sand",
    "sand": "sand",
    "beach": "sand",
    "desert villas": "yard",
    "villas": "garden",
    "grid houses": "garden",
    "curved houses": "garden",
    "terraces": "garden",
    "slabs": "lawn",
    "water": "water",
}


def code(material: str) -> tuple[int, int, int]:
    """The code of a material without lines, as `Scene.materials` holds it."""
    return _NUMBERS[material], 0, 0


def lined_code(
    material: str, heading: float, spacing: float, strength: float
) -> tuple[int, int, int]:
    """The code of a material with lines across it.

    Args:
        material: its name.
        heading: of the lines, radians.
        spacing: metres, up to 10.
        strength: 0 (faint) to 1.
    """
    steps = min(63, max(1, round(spacing * SPACING_STEPS)))
    level = min(LINE_STRENGTHS - 1, int(strength * LINE_STRENGTHS))
    return _NUMBERS[material], 1 + int(np.degrees(heading)) % 180, steps * LINE_STRENGTHS + level


def lines_of(codes: np.ndarray) -> list[tuple[int, int, float, float, float]]:
    """What lines occur among codes [H,W,3]: (code, code, heading, spacing, strength) each."""
    lined = codes[codes[..., 1] > 0][:, 1:]
    return [
        (
            first,
            second,
            float(np.radians(first - 1)),
            second // LINE_STRENGTHS / SPACING_STEPS,
            (second % LINE_STRENGTHS + 0.5) / LINE_STRENGTHS,
        )
        for first, second in np.unique(lined, axis=0).tolist()
    ]
