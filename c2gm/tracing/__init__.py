"""Vectors traced from drawn maps: areas without cracks and road centre lines."""
