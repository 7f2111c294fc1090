"""True maps: vectors, generalised and drawn per zoom."""
