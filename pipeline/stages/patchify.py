"""Split, audit, cut and augment one data set: ``python -m pipeline.stages.patchify mitochondria``."""

from pipeline import params
from pipeline.patches.patchify import patchify
from pipeline.stages import command


def main(dataset):
    patchify(dataset, params.load())


if __name__ == "__main__":
    command.run(main, __doc__, ["dataset"])
