"""Train Attention Residual U-Net on one dataset: ``python -m pipeline.stages.train_attn_resunet mitochondria``."""

import sys

from pipeline import params
from pipeline.errors import plain_errors
from pipeline.startup import load_keras


def main(dataset):
    settings = params.load()
    load_keras()
    from pipeline.networks.attn_resunet import attn_resunet
    from pipeline.training.segmentation import train_segmentation

    train_segmentation(dataset, "attn_resunet", attn_resunet, settings)


if __name__ == "__main__":
    with plain_errors():
        main(sys.argv[1])
