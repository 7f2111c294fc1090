"""What can be wrong with a PMTiles file as a file; its tiles are checked like any other's."""

from __future__ import annotations

from .faults import Faults
from .pmtiles import HEADER_BYTES, PMTilesReader

ROOT_END = 16_384  # a page reads so much at first, and must find the root directory in it


def check_pmtiles(tileset: PMTilesReader, faults: Faults) -> None:
    """Header against directories and file (PMTiles 3, sections 3 and 4)."""
    header = tileset.header
    if header["root_offset"] < HEADER_BYTES or header["root_offset"] + header["root_length"] > (
        ROOT_END
    ):
        faults.add(
            "root-too-far",
            f"The root directory reaches beyond the first {ROOT_END:,} bytes, where web pages "
            "look for it. Write the file again.",
        )
    end = header["tile_data_offset"] + header["tile_data_length"]
    size = tileset.path.stat().st_size
    if size < end:
        faults.add(
            "truncated",
            f"{tileset.path.name} has {size} bytes of {end}; the end is missing. Copy it again.",
        )
    entries = tileset.entries
    if int((entries.offsets + entries.lengths).max(initial=0)) > header["tile_data_length"]:
        faults.add(
            "outside-file",
            "The directories name pictures beyond the tile data. Make the file again.",
        )
    found = {
        "addressed_tiles_count": int(entries.runs.sum()),
        "tile_entries_count": len(entries.ids),
        "tile_contents_count": entries.contents(),
    }
    for name, count in found.items():
        stated = header[name]
        if stated not in (0, count):  # 0 means: not known
            faults.add(
                "wrong-count",
                f"The header's {name} is {stated}, but there are {count}. Write the file again.",
            )
    if header["clustered"] and not entries.clustered():
        faults.add(
            "not-clustered",
            "The header says that pictures lie in the order of their tiles, but they do not. "
            "Write the file again.",
        )
