"""The pipeline's network, exported to OpenVINO."""

import tempfile
from pathlib import Path

import numpy as np
import openvino

from benchmarks.ours import network
from pipeline.inference.fold import folded
from pipeline.training.devices import prepare


def prediction(task):
    """Return what predicts so many batches; the arithmetic is what OpenVINO chooses for the processor."""
    prepare(0, "float32")
    plain = network(task)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.xml")
        (plain if task.network == "vgg16" else folded(plain)).export(str(path), format="openvino", verbose=False)
        model = openvino.Core().read_model(path)
    model.reshape([task.batch, task.side, task.side, task.channels])
    hints = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[task.precision]}
    compiled = openvino.Core().compile_model(model, "CPU", hints)
    images = task.data()[0][: task.batch].astype(np.float32) / 255

    def predict(batches):
        for _ in range(batches):
            logits = next(iter(compiled(images).values()))
            1 / (1 + np.exp(-logits))

    return predict, plain.count_params()
