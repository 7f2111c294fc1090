"""Colours of a town seen from above, by climate and seed, near those of real pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Palette:
    """Mean colours (RGB 0..255) and how they spread.

    Attributes:
        ground: by use of a parcel: candidate colours, one is chosen by the parcel's chance.
        crops: candidate colours of fields.
        roofs: candidate colours by style of quarter.
        crowns: colours of tree crowns, dark to light.
    """

    ground: dict[str, tuple[Colour, ...]]
    crops: tuple[Colour, ...]
    roofs: dict[str, tuple[Colour, ...]]
    crowns: tuple[Colour, ...]
    water: Colour
    bank: Colour
    asphalt: Colour
    street: Colour
    pavement: Colour
    gravel: Colour
    earth: Colour
    ballast: Colour
    shadow: Colour


RED = ((152, 84, 68), (166, 98, 76), (128, 74, 66), (172, 114, 92), (140, 92, 80))
SLATE = ((88, 92, 102), (102, 106, 114), (76, 80, 90), (116, 118, 122), (96, 92, 92))
FLAT = ((150, 150, 150), (176, 176, 174), (126, 126, 128), (198, 198, 196), (104, 104, 106))
SHINGLE = ((128, 120, 112), (98, 92, 88), (134, 126, 116), (84, 80, 80), (146, 134, 120))
TIN = ((128, 148, 168), (110, 132, 158), (182, 188, 192), (148, 112, 100), (206, 208, 208))
PALE = ((208, 200, 188), (226, 224, 218), (194, 182, 168), (176, 164, 148), (242, 242, 238))


def palette(climate: str, rng: np.random.Generator) -> Palette:
    """The palette of a climate, shifted a little by chance."""
    tiles = (RED, SLATE, SHINGLE)[int(rng.choice(3, p=[0.45, 0.3, 0.25]))]
    if climate == "temperate":
        return _temperate(tiles, rng)
    return _dry(tiles, rng) if climate == "dry" else _desert(rng)


def _temperate(tiles: tuple[Colour, ...], rng: np.random.Generator) -> Palette:
    lush = rng.uniform(0, 1)
    grass = _mixed((100, 108, 90), (80, 102, 78), lush)
    lawn = _mixed((106, 114, 98), (84, 106, 84), lush)
    autumn = rng.random() < 0.15
    dark: tuple[Colour, ...] = ((58, 71, 65), (66, 80, 70), (76, 88, 76), (87, 98, 82))
    light: tuple[Colour, ...] = ((72, 90, 70), (84, 103, 77), (96, 113, 84), (110, 122, 92))
    if autumn:
        light = ((104, 88, 62), (92, 92, 66), (124, 102, 70), (112, 108, 76))
    share = rng.uniform(0, 1)
    crowns = tuple(_mixed(a, b, share) for a, b in zip(dark, light, strict=True))
    yard, paved = (124, 122, 114), (138, 136, 131)
    return Palette(
        ground=_grounds(grass, lawn, yard, paved, wood=(56, 64, 52), bare=(150, 142, 124)),
        crops=(
            (88, 114, 84),
            (72, 106, 82),
            (166, 146, 122),
            (150, 134, 112),
            (172, 160, 118),
            (104, 124, 94),
            (134, 120, 100),
            (182, 172, 130),
        ),
        roofs=_roofs(tiles, FLAT),
        crowns=crowns,
        water=_mixed((46, 56, 60), (72, 84, 78), rng.random()),
        bank=(96, 100, 80),
        asphalt=_mixed((118, 118, 120), (142, 141, 140), rng.random()),
        street=_mixed((122, 121, 122), (148, 147, 145), rng.random()),
        pavement=_mixed((150, 147, 142), (168, 164, 158), rng.random()),
        gravel=(160, 152, 138),
        earth=(152, 138, 116),
        ballast=(122, 112, 104),
        shadow=(0.36, 0.40, 0.50),
    )


def _dry(tiles: tuple[Colour, ...], rng: np.random.Generator) -> Palette:
    grass = _mixed((140, 136, 114), (108, 120, 94), rng.random())
    lawn = _mixed((132, 130, 110), (96, 114, 90), rng.random())
    yard, paved = (156, 146, 128), (158, 152, 144)
    return Palette(
        ground=_grounds(grass, lawn, yard, paved, wood=(92, 88, 62), bare=(176, 160, 132)),
        crops=(
            (182, 166, 132),
            (170, 150, 118),
            (108, 124, 92),
            (196, 182, 148),
            (150, 140, 98),
            (92, 114, 84),
            (160, 132, 104),
        ),
        roofs=_roofs((RED, SHINGLE, PALE)[int(rng.integers(3))], (*FLAT, *PALE[:2])),
        crowns=((64, 70, 56), (74, 79, 62), (86, 89, 68), (97, 97, 76)),
        water=_mixed((48, 64, 62), (84, 96, 88), rng.random()),
        bank=(150, 136, 108),
        asphalt=_mixed((104, 104, 106), (146, 144, 142), rng.random()),
        street=_mixed((118, 116, 116), (156, 152, 148), rng.random()),
        pavement=_mixed((168, 162, 152), (190, 184, 174), rng.random()),
        gravel=(178, 164, 142),
        earth=(172, 150, 120),
        ballast=(136, 124, 112),
        shadow=(0.42, 0.44, 0.52),
    )


def _desert(rng: np.random.Generator) -> Palette:
    cool = rng.beta(0.5, 0.5)  # warm sand, or bluish in the eyes of some cameras
    sand = _mixed((198, 180, 154), (174, 176, 192), cool)
    yard = _mixed((184, 168, 146), (164, 162, 171), cool)
    lawn = (108, 112, 88)
    ground = _grounds(lawn, yard, yard, (178, 174, 170), wood=(122, 116, 92), bare=sand)
    ground["open"] = (sand, _mixed(sand, (206, 198, 188), 0.6), _mixed(sand, (170, 158, 142), 0.5))
    for use in ("verge", "meadow", "yard"):
        ground[use] = (sand, yard)
    ground["park"] = (lawn, _mixed(lawn, (84, 104, 66), 0.5))  # watered, or it would be no park
    return Palette(
        ground=ground,
        crops=((98, 108, 72), (118, 122, 86), (166, 150, 120)),
        roofs=_roofs(PALE, (*PALE, *FLAT[:2])),
        crowns=((60, 66, 52), (70, 76, 58), (82, 86, 68), (92, 94, 76)),
        water=_mixed((28, 46, 46), (70, 116, 122), rng.random()),
        bank=(214, 204, 188),
        asphalt=_mixed((78, 74, 76), (132, 128, 128), rng.random()),
        street=_mixed((94, 90, 92), (158, 152, 150), rng.random()),
        pavement=_mixed((170, 162, 152), (192, 186, 178), rng.random()),
        gravel=(206, 196, 182),
        earth=(196, 182, 162),
        ballast=(168, 158, 146),
        shadow=(0.40, 0.42, 0.50),
    )


def _grounds(
    grass: Colour, lawn: Colour, yard: Colour, paved: Colour, *, wood: Colour, bare: Colour
) -> dict[str, tuple[Colour, ...]]:
    worn = _mixed(lawn, yard, 0.4)
    gardens = (lawn, worn, _mixed(lawn, grass, 0.5))
    return {
        "villas": gardens,
        "grid houses": gardens,
        "curved houses": gardens,
        "terraces": (worn, lawn, _mixed(lawn, yard, 0.6)),
        "slabs": (grass, lawn, worn),
        "desert villas": (yard, bare, _mixed(yard, paved, 0.5)),
        "old": (paved, yard, _mixed(yard, lawn, 0.5)),
        "perimeter": (paved, worn, yard),
        "commercial": (paved, _mixed(paved, yard, 0.5)),
        "industry": (paved, yard, _mixed(yard, bare, 0.5), worn),
        "parking": (_mixed(paved, (108, 108, 110), 0.6), _mixed(paved, (128, 127, 126), 0.7)),
        "park": (grass, lawn),
        "pitch": (_mixed(grass, (84, 116, 66), 0.6), _mixed(grass, (96, 122, 78), 0.5)),
        "wood": (wood,),
        "meadow": (grass, _mixed(grass, bare, 0.25), _mixed(grass, lawn, 0.5)),
        "verge": (grass, worn),
        "open": (bare, grass),
        "yard": (yard, bare, paved),
        "bare": (bare, _mixed(bare, (188, 164, 128), 0.5)),
        "beach": (_mixed(bare, (206, 192, 160), 0.7),),
        "farm": (yard, _mixed(yard, bare, 0.5)),
    }


def _roofs(tiles: tuple[Colour, ...], flat: tuple[Colour, ...]) -> dict[str, tuple[Colour, ...]]:
    return {"pitched": (*tiles, *tiles, SLATE[1], SHINGLE[2]), "flat": flat, "hall": (*FLAT, *TIN)}


def _mixed(first: Colour, second: Colour, share: float) -> Colour:
    a, b = np.array(first, dtype=float), np.array(second, dtype=float)
    red, green, blue = (a + (b - a) * share).tolist()
    return red, green, blue
