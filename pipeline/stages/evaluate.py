"""Score one network on one dataset's test images: ``python -m pipeline.stages.evaluate mitochondria unet``."""

import sys

from pipeline import params
from pipeline.errors import plain_errors
from pipeline.startup import load_keras


def main(dataset, network):
    settings = params.load()
    load_keras()
    from pipeline.evaluation.classification import evaluate_classification
    from pipeline.evaluation.segmentation import evaluate_segmentation

    if network == "vgg16":
        evaluate_classification(dataset, network, settings)
    else:
        evaluate_segmentation(dataset, network, settings)


if __name__ == "__main__":
    with plain_errors():
        main(*sys.argv[1:])
