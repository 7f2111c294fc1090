"""Tile sets out, and back in: MBTiles and XYZ folders."""
