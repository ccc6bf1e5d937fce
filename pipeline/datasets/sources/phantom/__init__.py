"""Phantoms: images that the project generates from a seed, with exact masks, so that everything runs without a network."""
