"""Names that ComfyUI imports from torchaudio.functional."""


def resample(*args: object, **kwargs: object) -> None:
    """Not available in tests."""
    raise RuntimeError("The test server has no torchaudio.")
