"""Run recipes on real images, one after the other, and print their scores (docs/recipes.md#scores):

    python -m benchmarks.real vnc=/data/vnc-sstem blood-cells=/data/blood-cells -- -S train.epochs=1

A recipe without a folder downloads its images. Options behind ``--`` go to each recipe. Each one runs in a clone of the last
commit; the clones stay, with models and reports, in a temporary folder.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline import params, recipe, tasks
from pipeline.errors import plain_errors
from pipeline.reporting.read import read_results
from pipeline.reporting.tables import TRIVIAL, references, scored, units_in_words

COLUMNS = ["data set", "test", "network", "score (95 % interval)", "trivial", "minutes", "processor minutes"]


def main(arguments):
    recipes, options, folder = read(arguments, __doc__)
    rows = [(name, *row) for name, images in recipes for row in run(name, images, options, folder / name)]
    print(f"\nModels and reports are in {folder}.\n")
    print_table(["recipe", *COLUMNS], rows)


def read(arguments, usage):
    """Read a command line: pairs of a recipe and its folder of images, options for all of them, and a folder for the clones."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    if not cut:
        raise SystemExit(usage)
    recipes = [word.partition("=")[::2] for word in arguments[:cut]]
    return recipes, arguments[cut + 1 :], Path(tempfile.mkdtemp(prefix="recipes-"))


def run(name, images, options, clone):
    """Run a recipe in a new clone of the last commit; return a row of `COLUMNS` for each network."""
    source = Path.cwd()
    (dataset, *_) = recipe.read(name)["datasets"]
    place = ["-S", f"datasets.{dataset}.path={Path(images).resolve()}"] if images else []
    subprocess.run(["git", "clone", "--quiet", str(source), str(clone)], check=True)
    os.chdir(clone)
    try:
        spent = minutes([sys.executable, "-m", "pipeline.recipe", name, *place, *options])
        return [(*row, *spent) for row in scores()]
    finally:
        os.chdir(source)


def scores():
    """A row for each network of each data set that was evaluated in this folder: the first five of `COLUMNS`."""
    for dataset in read_results(params.load(), lambda task: tasks.part(task, "tables"))[0]:
        key = dataset.comparison["metric"]
        metric, trivial = dataset.task.METRICS[key], dict(references(dataset))[TRIVIAL]
        for network in dataset.ranked:
            tested = f"{network.detail['test_images']} images in {units_in_words(network.detail['unit'])}"
            score = f"{metric.title} {scored(network)(key, metric.style)}"
            yield dataset.name, tested, network.title, score, trivial(key, metric.style)


def minutes(command):
    """Run a command, and tell the minutes it took, and those of all processors together, in words."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [f"{seconds / 60:.0f}" for seconds in (time.perf_counter() - began, busy)]


def print_table(head, rows):
    """Print a table in Markdown."""
    for cells in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    with plain_errors():
        main(sys.argv[1:])
