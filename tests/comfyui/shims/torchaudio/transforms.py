"""Names that ComfyUI imports from torchaudio.transforms."""


class _Missing:
    def __init__(self, *args: object, **kwargs: object) -> None:
        raise RuntimeError("The test server has no torchaudio.")


MelScale = MelSpectrogram = Resample = Spectrogram = InverseMelScale = _Missing
