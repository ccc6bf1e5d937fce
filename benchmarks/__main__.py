"""Measure this pipeline beside what one would use instead, and write docs/performance.md: ``make bench``, 13 minutes.

``python -m benchmarks [--rounds N] [--batches N] [--networks unet,vgg16]``
"""

import argparse

from benchmarks.race import race
from benchmarks.task import Task

SIDES = {"unet": 256, "attn_resunet": 256, "vgg16": 64}


def contenders(phase, network, precision):
    """What takes turns: by name, a module's function with its task.

    All compute in what the hardware does fastest; Keras and this pipeline also in float32, as tutorials do.
    """
    task, suffix = Task(network, precision, side=SIDES[network]), "" if precision == "float32" else f", {precision}"
    single = Task(network, "float32", side=SIDES[network])
    found = {
        f"matrix product, {precision}": ("machine", "product", Task(network, precision), {}),
        "Keras as in a tutorial": ("plain_keras", phase, single, {}),
        "this pipeline": ("ours", phase, single, {}),
        f"Keras as in a tutorial{suffix}": ("plain_keras", phase, task, {}),
        f"PyTorch, eager{suffix}": ("pytorch", phase, task, {}),
        f"PyTorch, compiled{suffix}": ("pytorch", phase, task, {"compiled": True}),
        f"this pipeline{suffix}": ("ours", phase, task, {}),
    }
    if phase == "prediction":
        found[f"this pipeline, exported to OpenVINO{suffix}"] = ("ours", "openvino_prediction", task, {})
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6, help="turns of each contender")
    parser.add_argument("--batches", type=int, default=4, help="of 8 images, in each turn")
    parser.add_argument("--networks", default=",".join(SIDES))
    given = parser.parse_args()

    from pipeline.startup import load_keras

    load_keras()
    from benchmarks.data_path import augmentation
    from benchmarks.ours import network as build
    from benchmarks.page import write_page
    from pipeline.networks.common.cost import gigaflops
    from pipeline.training.devices import resolve_precision

    precision = resolve_precision("auto")
    measured, operations = {}, {}
    for network in given.networks.split(","):
        side = SIDES[network]
        operations[network] = 1e9 * gigaflops(build(Task(network, side=side)), (side, side))
        for phase in ("training", "prediction"):
            measured[network, phase] = race(contenders(phase, network, precision), given.rounds, given.batches)
            for name, result in measured[network, phase].items():
                print(f"{network}, {phase}, {name}: {max(result['rates']):.1f} a second", flush=True)
    write_page(measured, operations, SIDES, augmentation())


if __name__ == "__main__":
    main()
