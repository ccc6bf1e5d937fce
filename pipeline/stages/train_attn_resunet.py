"""Train Attention Residual U-Net on one dataset: ``python -m pipeline.stages.train_attn_resunet mitochondria``."""

import sys

from pipeline import params
from pipeline.errors import plain_errors


def main(dataset):
    settings = params.load()  # before Keras is imported, which takes seconds: a mistake in params is told at once
    from pipeline.networks.attn_resunet import attn_resunet
    from pipeline.training.segmentation import train_segmentation

    train_segmentation(dataset, "attn_resunet", attn_resunet, settings)


if __name__ == "__main__":
    with plain_errors():
        main(sys.argv[1])
