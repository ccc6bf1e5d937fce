"""The tasks that networks are trained for. Each folder holds what its task adds to the common path."""

import importlib


def part(task, name):
    """Import the module of a task: ``part("segmentation", "prediction")``."""
    return importlib.import_module(f"pipeline.tasks.{task}.{name}")
