"""Train U-Net on one dataset: ``python -m pipeline.stages.train_unet mitochondria``."""

import sys

from pipeline import params
from pipeline.errors import plain_errors
from pipeline.startup import load_keras


def main(dataset):
    settings = params.load()
    load_keras()
    from pipeline.networks.unet import unet
    from pipeline.training.segmentation import train_segmentation

    train_segmentation(dataset, "unet", unet, settings)


if __name__ == "__main__":
    with plain_errors():
        main(sys.argv[1])
