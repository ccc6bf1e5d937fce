"""Split, audit, cut and augment one data set: ``python -m pipeline.stages.patchify mitochondria``."""

import shutil

from pipeline import params, paths
from pipeline.patches.patchify import patchify
from pipeline.stages import command


def main(dataset):
    patchify(dataset, params.load())
    paths.dataset_card(dataset).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(paths.patches(dataset) / "dataset.json", paths.dataset_card(dataset))


if __name__ == "__main__":
    command.run(main, __doc__, ["dataset"])
