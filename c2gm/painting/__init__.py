"""Painting windows and feathering them into tiles; knows no network, only `MapModel`."""
