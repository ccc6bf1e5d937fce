"""Score one network on one dataset's test images: ``python -m pipeline.stages.evaluate mitochondria unet``."""

from pipeline import params
from pipeline.stages import command
from pipeline.startup import load_keras


def main(dataset, network):
    settings = params.load()
    load_keras()
    from pipeline.tasks.classification.evaluation import evaluate_classification
    from pipeline.tasks.segmentation.evaluation import evaluate_segmentation

    if network == "vgg16":
        evaluate_classification(dataset, network, settings)
    else:
        evaluate_segmentation(dataset, network, settings)


if __name__ == "__main__":
    command.run(main, dataset=command.DATASETS, network=command.NETWORKS)
