"""From OpenStreetMap tags to the kinds of `MapObjects`."""

from __future__ import annotations

from collections.abc import Mapping

Tags = Mapping[str, str]

_ROADS = {
    "motorway": "motorway",
    "trunk": "motorway",
    "primary": "main_road",
    "secondary": "main_road",
    "tertiary": "main_road",
    "residential": "street",
    "unclassified": "street",
    "living_street": "street",
    "road": "street",
    "pedestrian": "service",
    "busway": "service",
    "service": "service",
    "track": "track",
    "footway": "footpath",
    "path": "footpath",
    "cycleway": "footpath",
    "bridleway": "footpath",
    "steps": "footpath",
}
_RAILWAYS = ("rail", "light_rail", "narrow_gauge", "subway", "funicular", "monorail", "main line")
_WATERWAYS = ("river", "stream", "canal", "ditch", "drain", "stream or shore")
_AREAS = {
    "natural": {
        "water": "water",
        "wood": "wood",
        "scrub": "park",
        "shrubbery": "park",
        "heath": "park",
        "grassland": "park",
        "wetland": "park",
        "fell": "park",
        "sand": "sand",
        "beach": "sand",
        "bare_rock": "sand",
        "rock": "sand",
        "scree": "sand",
        "shingle": "sand",
        "shoal": "sand",
        "mud": "sand",
    },
    "waterway": {"riverbank": "water", "dock": "water", "river": "water", "canal": "water"},
    "landuse": {
        "reservoir": "water",
        "basin": "water",
        "forest": "wood",
        "grass": "park",
        "meadow": "park",
        "village_green": "park",
        "recreation_ground": "park",
        "cemetery": "park",
        "greenfield": "park",
        "allotments": "park",
        "flowerbed": "park",
        "winter_sports": "park",
        "farmland": "farmland",
        "orchard": "farmland",
        "vineyard": "farmland",
        "plant_nursery": "farmland",
        "greenhouse_horticulture": "farmland",
        "quarry": "sand",
        "landfill": "sand",
        "brownfield": "sand",
        "construction": "sand",
        "residential": "built_up",
        "commercial": "built_up",
        "industrial": "built_up",
        "retail": "built_up",
        "education": "built_up",
        "institutional": "built_up",
        "religious": "built_up",
        "garages": "built_up",
        "farmyard": "built_up",
        "harbour": "built_up",
    },
    "leisure": {
        "park": "park",
        "garden": "park",
        "pitch": "park",
        "playground": "park",
        "golf_course": "park",
        "sports_centre": "park",
        "stadium": "park",
        "dog_park": "park",
        "track": "park",
        "common": "park",
        "swimming_pool": "water",
    },
    "amenity": {
        "parking": "sand",
        "grave_yard": "park",
        "school": "built_up",
        "university": "built_up",
        "college": "built_up",
        "hospital": "built_up",
    },
    "aeroway": {"apron": "sand", "runway": "sand", "taxiway": "sand", "helipad": "sand"},
    "highway": dict.fromkeys(
        ("pedestrian", "footway", "service", "living_street", "residential", "unclassified"),
        "road_area",
    ),
    "kind": {
        "forest": "wood",
        "green": "park",
        "water": "water",
        "lake": "water",
    },
}


# Keys that say that something is not seen from above, with the values that say so.
_BURIED = {"location": ("underground", "indoor")}
_HIDDEN_AREA = {
    "parking": ("underground",),
    "indoor": ("yes", "room", "area", "corridor"),
    "covered": ("yes",),
}
_HIDDEN_PATH = {"indoor": ("yes",), "covered": ("yes", "arcade"), "tunnel": ("building_passage",)}
_OPEN_TUNNELS = ("no", "building_passage", "avalanche_protector")


def area_kind(tags: Tags) -> str | None:
    """The kind of a polygon, or None where the map does not show it."""
    if _is_hidden(tags, _BURIED) or tags.get("tunnel", "no") not in _OPEN_TUNNELS:
        return None
    if tags.get("building", "no") != "no":
        return "building"
    if _is_hidden(tags, _HIDDEN_AREA):
        return None
    for key, kinds in _AREAS.items():
        if (kind := kinds.get(tags.get(key, ""))) is not None:
            return kind
    return None


def line_kind(tags: Tags) -> str | None:
    """The kind of a line, or None. What lies in a tunnel is not seen from above and not drawn."""
    if _is_hidden(tags, _BURIED) or tags.get("tunnel", "no") not in _OPEN_TUNNELS:
        return None
    if tags.get("area") == "yes":
        return None
    if highway := tags.get("highway"):
        return _road_kind(highway, tags)
    railway = tags.get("railway") or tags.get("kind", "")
    if railway in _RAILWAYS:
        return "rail_yard" if tags.get("service") in ("yard", "siding", "spur") else "railway"
    waterway = tags.get("waterway") or tags.get("kind", "")
    return "stream" if waterway in _WATERWAYS else None


def _is_hidden(tags: Tags, hidden: Mapping[str, tuple[str, ...]]) -> bool:
    return any(tags.get(key, "") in values for key, values in hidden.items())


def _road_kind(highway: str, tags: Tags) -> str | None:
    kind = _ROADS.get(highway.removesuffix("_link"))
    if kind == "service" and tags.get("service") in ("driveway", "parking_aisle"):
        return "driveway"
    if kind == "footpath" and tags.get("footway") in ("sidewalk", "crossing"):
        return None  # part of its street
    if kind == "footpath" and _is_hidden(tags, _HIDDEN_PATH):
        return None
    return kind
