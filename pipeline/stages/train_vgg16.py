"""Train VGG16 on the tissue tiles: ``python -m pipeline.stages.train_vgg16``."""

from pipeline import params
from pipeline.stages import command
from pipeline.startup import load_keras


def main():
    settings = params.load()
    load_keras()
    from pipeline.tasks.classification.training import train_classification

    train_classification("tissue", "vgg16", settings)


if __name__ == "__main__":
    command.run(main)
