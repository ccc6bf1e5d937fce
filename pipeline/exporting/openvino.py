"""OpenVINO: a folder with ``model.xml`` and ``model.bin``, fastest on Intel's processors."""

import sys

# `import openvino` would import its converter, which reports the use to Intel over the network. We do not need the converter:
# Python cannot import a module that is None here, and openvino goes on without it.
sys.modules.setdefault("openvino.tools.ovc", None)

import openvino  # noqa: E402

from pipeline.exporting import onnx  # noqa: E402


def write(network, model, task, path):
    """Write a network for OpenVINO, in float32 (see `pipeline.exporting.onnx.write`); `path` becomes a folder."""
    path.mkdir()
    intermediate = path / "model.onnx"
    onnx.write(network, model, task, intermediate)
    # By default weights would be saved in half precision.
    openvino.save_model(openvino.Core().read_model(intermediate), path / "model.xml", compress_to_fp16=False)
    intermediate.unlink()


def read(path):
    """Load a folder for OpenVINO as a function of images, on the CPU and always in float32."""
    compiled = openvino.Core().compile_model(path / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: compiled(images)[0]
