"""Fidelity of pictures: PSNR and SSIM, of the luma and of RGB.

Luma is BT.601's of the studio range in floating point (as MATLAB's rgb2ycbcr), errors are on 8-bit
values and no border is cut off. Both are blind to much of a map (white streets on light ground),
so they never stand alone.
"""

from __future__ import annotations

import numpy as np

PSNR_CAP = 60.0
_SSIM_WINDOW = 11  # px: scikit-image's Gaussian of sigma 1.5 reaches 5 px each way


def luma(rgb: np.ndarray) -> np.ndarray:
    """BT.601 studio-range luma, float64 [...], of RGB 0 to 255 [...,3]."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    result: np.ndarray = 16 + rgb.astype(np.float64) @ weights
    return result


def squared_error_y(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Squared differences of the luma by pixel, float64 [H,W], of two pictures uint8 [H,W,3]."""
    result: np.ndarray = (luma(predicted) - luma(truth)) ** 2
    return result


def squared_error_rgb(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Squared differences by pixel, mean of the channels, float64 [H,W]."""
    difference = predicted.astype(np.float64) - truth
    result: np.ndarray = (difference**2).mean(-1)
    return result


def psnr(squared_error: float) -> float:
    """PSNR in dB of a mean squared error of 8-bit values, at most 60 (equal pictures)."""
    if squared_error <= 0:
        return PSNR_CAP
    return min(PSNR_CAP, float(10 * np.log10(255**2 / squared_error)))


def psnr_y(predicted: np.ndarray, truth: np.ndarray) -> float:
    """PSNR of the luma of two pictures uint8 [H,W,3] in dB, at most 60."""
    return psnr(float(squared_error_y(predicted, truth).mean()))


def psnr_rgb(predicted: np.ndarray, truth: np.ndarray) -> float:
    """PSNR of two pictures uint8 [H,W,3] over all channels in dB, at most 60."""
    return psnr(float(squared_error_rgb(predicted, truth).mean()))


def ssim_y(predicted: np.ndarray, truth: np.ndarray) -> float:
    """SSIM of the luma of two pictures uint8 [H,W,3] of at least 11 px a side.

    Gaussian window of 11 px and sigma 1.5, K 0.01 and 0.03, population covariance, 5 px of the rim
    left out (Wang et al. 2004).
    """
    return _ssim(luma(predicted), luma(truth), channel_axis=None)


def ssim_rgb(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Mean of the SSIM of the three channels, see `ssim_y`."""
    return _ssim(predicted.astype(np.float64), truth.astype(np.float64), channel_axis=-1)


def _ssim(predicted: np.ndarray, truth: np.ndarray, *, channel_axis: int | None) -> float:
    from .libraries import scikit_image

    if min(truth.shape[:2]) < _SSIM_WINDOW:
        raise ValueError(f"SSIM needs pictures of at least {_SSIM_WINDOW} px a side.")
    value = scikit_image("metrics").structural_similarity(
        truth,
        predicted,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        channel_axis=channel_axis,
    )
    return float(value)
