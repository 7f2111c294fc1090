"""Made-up ground, as vectors and as seen from above."""
