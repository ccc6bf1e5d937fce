"""OpenVINO: a folder with ``model.xml`` and ``model.bin``, fastest on Intel's processors."""

import json
import sys

# `import openvino` would import its converter too, which reports the use to Intel over the network. We need no converter:
# a module that is None cannot be imported, and openvino goes on without it.
sys.modules.setdefault("openvino.tools.ovc", None)

import openvino  # noqa: E402

from pipeline.exporting import onnx  # noqa: E402
from pipeline.exporting.output import CARD  # noqa: E402


def write(network, card, path):
    """Write a network for OpenVINO, in float32, with the card in ``card.json``.

    Parameters are those of `pipeline.exporting.onnx.write`; `path` becomes a folder.
    """
    path.mkdir()
    intermediate = path.with_name("network.onnx")
    onnx.write(network, card, intermediate)
    # By default weights would be saved in half precision.
    openvino.save_model(openvino.Core().read_model(intermediate), path / "model.xml", compress_to_fp16=False)
    (path / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def read(path):
    """Load a folder for OpenVINO as a function of images, on the CPU and in float32, whatever the CPU has."""
    compiled = openvino.Core().compile_model(path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: compiled(images)[0]
