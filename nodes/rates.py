"""How fast the last map was drawn here, for the time that Pick Area tells before the next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Rate:
    """Seconds a window of the last run that painted some; None before the first."""

    seconds_per_window: float | None = None


_LAST = Rate()


def remember(windows_per_second: float | None) -> None:
    """Keep the rate of a run."""
    if windows_per_second:
        _LAST.seconds_per_window = 1 / windows_per_second


def windows_per_second() -> float | None:
    """The rate of the last run since the server started."""
    return 1 / _LAST.seconds_per_window if _LAST.seconds_per_window else None


def seconds_per_window() -> float | None:
    """Its time for one window."""
    return _LAST.seconds_per_window
