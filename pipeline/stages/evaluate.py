"""Score one network on one dataset's test images: ``python -m pipeline.stages.evaluate mitochondria unet``."""

import sys

from pipeline import params
from pipeline.errors import plain_errors


def main(dataset, network):
    settings = params.load()  # before Keras is imported, which takes seconds: a mistake in params is told at once
    from pipeline.evaluation.classification import evaluate_classification
    from pipeline.evaluation.segmentation import evaluate_segmentation

    if network == "vgg16":
        evaluate_classification(dataset, network)
    else:
        evaluate_segmentation(dataset, network, settings)


if __name__ == "__main__":
    with plain_errors():
        main(*sys.argv[1:])
