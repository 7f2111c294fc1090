"""Imagery in: any source read on the world grid."""
