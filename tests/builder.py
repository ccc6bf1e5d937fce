"""Build a network: what a test does not give has its default in the network's settings, or the one below."""

import importlib
import inspect
from functools import partial

FACTS = {"classes": 2, "mean": 0.0, "variance": 1.0, "seed": 0, "pretrained": None}


def build(module, **given):
    """Build the network of a module from facts about the images and settings."""
    wanted = inspect.signature(module.build).parameters
    known = {name: value for name, value in (FACTS | module.Settings().model_dump()).items() if name in wanted}
    return module.build(**known | given)


def builder(name):
    """`build` for the network of this name."""
    return partial(build, importlib.import_module(f"pipeline.networks.{name}"))
