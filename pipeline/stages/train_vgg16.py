"""Train VGG16 on the tissue tiles: ``python -m pipeline.stages.train_vgg16``."""

from pipeline import params
from pipeline.errors import plain_errors


def main():
    settings = params.load()  # before Keras is imported, which takes seconds: a mistake in params is told at once
    from pipeline.training.classification import train_classification

    train_classification("tissue", "vgg16", settings)


if __name__ == "__main__":
    with plain_errors():
        main()
