"""Training data, losses and stages of c2gm-mini and of full-size models."""
