"""The three protocols that maps are scored under; every table and file names its own.

What a model is given decides most of its score: a true reference is worth 9 dB, so scores of
different protocols are never compared.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..errors import ConfigError
from ..tilesets.base import TileSet
from .controls import Enlarged, GroundColour
from .truth import Pyramid


@dataclass(frozen=True)
class Protocol:
    """One protocol.

    Attributes:
        name: `honest-0`, `honest-14` or `teacher`.
        given: What the model had besides the imagery.
    """

    name: str
    given: str


PROTOCOLS = (
    Protocol("honest-0", "nothing: every reference is what the model itself drew"),
    Protocol("honest-14", "one true map of zoom 14; all other references are the model's own"),
    Protocol("teacher", "the true map one or two zooms below every tile"),
)


def protocol_of(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        ConfigError: there is none.
    """
    for protocol in PROTOCOLS:
        if protocol.name == name:
            return protocol
    known = ", ".join(protocol.name for protocol in PROTOCOLS)
    raise ConfigError(f"There is no protocol {name!r}. Use {known}.")


def check_protocol(protocol: Protocol, map_: TileSet) -> None:
    """Refuse a map of ours that was given more than its protocol allows.

    Raises:
        ConfigError: it was begun with a start map, and the protocol gives nothing; or the reverse.
    """
    key = json.loads(map_.metadata.get("c2gm_job", "null"))
    if not isinstance(key, dict):
        return
    started = key.get("start") is not None
    if started and protocol.name == "honest-0":
        raise ConfigError(
            "The map was begun with a start map, so it was not drawn from nothing. "
            "Give --protocol honest-14."
        )
    if not started and protocol.name == "honest-14":
        raise ConfigError(
            "The map was drawn from nothing, without a start map. Give --protocol honest-0."
        )


def controls_of(
    protocol: Protocol, *, truth: Pyramid | None, map_: Pyramid, lowest_zoom: int | None
) -> dict[str, Pyramid]:
    """The rows that need no model, by name: what was given, enlarged, and the ground colour.

    Args:
        protocol: Decides what could be copied.
        truth: The true map, None where the truth is masks.
        map_: The scored map.
        lowest_zoom: Its lowest scored zoom, which honest-0 can enlarge; None if it is the only one.
    """
    rows: dict[str, Pyramid] = {}
    if truth is not None:
        rows["truth"] = truth
    if protocol.name == "teacher" and truth is not None:
        rows["copy 2X"], rows["copy 4X"] = (Enlarged(truth, factor=f) for f in (2, 4))
    elif protocol.name == "honest-14" and truth is not None:
        rows["copy z14"] = Enlarged(truth, zoom=14)
    elif lowest_zoom is not None:
        rows[f"own z{lowest_zoom} enlarged"] = Enlarged(map_, zoom=lowest_zoom)
    rows["ground colour"] = GroundColour()
    return rows
