"""What it brings that validation chooses which predicted objects count: ``python -m benchmarks.objects polyps unet``.

Prints the panoptic quality on the test images with all predicted objects, and with those that the model's card lets count.
"""

import sys
from dataclasses import replace

from pipeline import params, paths, tasks
from pipeline.evaluation.test_split import open_test_split
from pipeline.inference.model import load_trained


def main(dataset, network):
    model, settings = load_trained(paths.model(dataset, network)), params.load()
    records, task = open_test_split(dataset, 1), tasks.part("segmentation", "evaluation")
    for smallest in (1, model.smallest):
        changed = replace(model, card=model.card | {"smallest": smallest})
        quality = task.score([changed], dataset, records, settings, network).metrics["pq"]
        print(f"objects of {smallest} pixels or more: PQ {quality:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
