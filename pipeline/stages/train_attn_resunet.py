"""Train Attention Residual U-Net on one dataset: ``python -m pipeline.stages.train_attn_resunet mitochondria``."""

from pipeline import params
from pipeline.stages import command
from pipeline.startup import load_keras


def main(dataset):
    settings = params.load()
    load_keras()
    from pipeline.networks.attn_resunet import attn_resunet
    from pipeline.tasks.segmentation.training import train_segmentation

    train_segmentation(dataset, "attn_resunet", attn_resunet, settings)


if __name__ == "__main__":
    command.run(main, dataset=command.SEGMENTED)
