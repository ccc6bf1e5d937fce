"""Build a network: what a test does not give has its default in the network's settings, or the one below."""

import importlib
from functools import partial

from pipeline.networks import arguments

FACTS = {"classes": 2, "mean": 0.0, "variance": 1.0, "seed": 0, "pretrained": None}


def build(module, **given):
    """Build the network of a module from facts about the images and settings."""
    return module.build(**arguments(module.build, FACTS | module.Settings().model_dump()) | given)


def builder(name):
    """`build` for the network of this name."""
    return partial(build, importlib.import_module(f"pipeline.networks.{name}"))
