"""Run recipes again with one setting changed at a time, and print what each change does (docs/training.md#is-it-worth-it):

    python -m benchmarks.ablation vnc=/data/vnc-sstem blood-cells=/data/blood-cells -- -S train.epochs=20

Options behind ``--`` go to each run. With fixed copies, an epoch has three views of each image, so a third of the epochs are run,
rounded up.
"""

import sys
from math import ceil

from benchmarks.real import COLUMNS, print_table, read, run
from pipeline import params, recipe
from pipeline.errors import plain_errors

COPIES = 2  # fixed copies of each image: three views of it in an epoch instead of one


def main(arguments):
    recipes, options, folder = read(arguments, __doc__)
    rows = []
    for name, images in recipes:
        for number, (change, settings) in enumerate(changes(recipe.read(name), options).items()):
            changed = [part for setting in settings for part in ("-S", setting)]
            rows += [(name, change, *row) for row in run(name, images, [*options, *changed], folder / f"{name}-{number}")]
    print(f"\nModels and reports are in {folder}.\n")
    print_table(["recipe", "changed", *COLUMNS], rows)


def changes(chosen, options=()):
    """List the changes to a recipe: dict of what changes, in words, to its settings, as for ``dvc exp run -S``."""
    current = params.load().model_dump()
    train, augment = (current[key] | chosen.get(key, {}) for key in ("train", "augment"))
    epochs = next((int(word.split("=")[1]) for word in options if word.startswith("train.epochs=")), train["epochs"])
    found = {"nothing": [], "no augmentation": ["augment.when=never"]}
    if augment["when"] == "epoch":
        fewer = f"train.epochs={ceil(epochs / (1 + COPIES))}"
        found["two fixed copies"] = ["augment.when=patchify", f"augment.copies={COPIES}", fewer]
    other = "adam" if train["optimizer"] == "adamw" else "adamw"
    found[f"optimizer {other}"] = [f"train.optimizer={other}"]
    other, decay = ("no averaged weights", 0) if train["average"] else ("averaged weights", 0.99)
    found[other] = [f"train.average={decay}"]
    found["one cycle"] = ["train.schedule=one_cycle"]
    if chosen.get("classification", {}).get("label_smoothing"):
        found["no label smoothing"] = ["classification.label_smoothing=0"]
    flips = (current["inference"] | chosen.get("inference", {}))["flips"]
    found["no flips in prediction" if flips else "flips in prediction"] = [f"inference.flips={str(not flips).lower()}"]
    return found


if __name__ == "__main__":
    with plain_errors():
        main(sys.argv[1:])
