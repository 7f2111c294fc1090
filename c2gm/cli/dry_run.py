"""What `c2gm generate --dry-run` tells: what a map takes, by zoom, before anything begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .options import duration_text

if TYPE_CHECKING:
    from ..cascade.estimate import Estimate
    from ..cascade.plan import Plan

HEADINGS = ("zoom", "tiles", "windows", "U-Net calls", "time", "map", "job")


def estimate_text(plan: Plan, estimate: Estimate) -> str:
    """A table of what each zoom takes."""
    counts = plan.counts()
    rows = [
        (
            str(count.zoom),
            f"{count.exported:,}",
            f"{count.windows:,}",
            f"{stage.unet_calls:,}",
            duration_text(stage.seconds),
            size_text(stage.map_bytes),
            size_text(stage.job_bytes),
        )
        for count, stage in zip(counts, estimate.stages, strict=True)
    ]
    rows.append(
        (
            "all",
            f"{sum(count.exported for count in counts):,}",
            f"{sum(count.windows for count in counts):,}",
            f"{estimate.unet_calls:,}",
            duration_text(estimate.seconds),
            size_text(estimate.map_bytes),
            size_text(estimate.job_bytes),
        )
    )
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in (HEADINGS, *rows)
    ]
    lines.append(
        "At most, by a few windows painted on this machine. The job's room is free again when the "
        "map is written.\nNothing was painted (--dry-run)."
    )
    return "\n".join(lines)


def estimate_data(data: dict[str, Any], estimate: Estimate) -> dict[str, Any]:
    """The plan's JSON values with what each of its stages takes."""
    stages = [
        {
            **told,
            "unet_calls": stage.unet_calls,
            "seconds": round(stage.seconds, 2),
            "map_bytes": stage.map_bytes,
            "job_bytes": stage.job_bytes,
        }
        for told, stage in zip(data["stages"], estimate.stages, strict=True)
    ]
    return {
        "dry_run": True,
        **data,
        "unet_calls": estimate.unet_calls,
        "seconds": round(estimate.seconds, 2),
        "map_bytes": estimate.map_bytes,
        "job_bytes": estimate.job_bytes,
        "stages": stages,
    }


def size_text(count: int) -> str:
    """Bytes as people say them: 840 kB, 1.3 GB."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.1f} {unit}" if size < 9.95 and unit != "B" else f"{size:,.0f} {unit}"
