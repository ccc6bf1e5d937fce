"""The tasks: what segmentation and classification each add to the common path.

A task is a folder of modules, named by the part that they play: ``training`` (loss, metric, threshold), ``evaluation`` (scores
and pictures), ``tables`` (of the report), ``prediction``, ``exporting``.
"""

import importlib


def part(task, name):
    """Import one part of a task, such as "training" of "segmentation": a module."""
    return importlib.import_module(f"pipeline.tasks.{task}.{name}")
