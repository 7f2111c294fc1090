"""C2GM: seamless, generalised web map pyramids drawn from aerial and satellite imagery."""

__version__ = "0.1.0"
