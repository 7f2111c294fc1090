"""Stand-in for torchaudio, whose builds do not load beside a CPU torch; ComfyUI only imports it."""

from . import functional, transforms

__all__ = ["functional", "load", "save", "transforms"]


def load(*args: object, **kwargs: object) -> None:
    """Not available in tests."""
    raise RuntimeError("The test server has no torchaudio.")


save = load
