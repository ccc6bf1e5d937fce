"""ONNX: one file that ONNX Runtime, OpenVINO and many others run."""

import json

import onnx
import onnxruntime

OPSET = 15  # of 2021: old enough for every runtime in use, and has all that the networks need


def write(network, model, task, path):
    """Write a portable network (see `pipeline.exporting.convert`) as ONNX; its metadata property ``card`` is the card as JSON."""
    network.export(str(path), format="onnx", verbose=False, opset_version=OPSET)
    exported = onnx.load(path)
    _rename(exported.graph)
    exported.doc_string = "Images (batch, height, width, channel), float32 in [0, 1], to probabilities."
    onnx.helper.set_model_props(exported, {"card": json.dumps(model.card)})
    onnx.checker.check_model(exported)
    onnx.save(exported, path)


def read(source):
    """Load an ONNX file (a path, or its bytes) as a function of images, on the CPU."""
    source = source if isinstance(source, bytes) else str(source)
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["probability"], {"image": images})[0]


def _rename(graph):
    """Name the output and the axes of any length, which tf2onnx only numbers."""
    output = graph.output[0].name
    for node in graph.node:
        for names in (node.input, node.output):
            for number, name in enumerate(names):
                if name == output:
                    names[number] = "probability"
    graph.output[0].name = "probability"
    for tensor in (graph.input[0], graph.output[0]):
        for name, axis in zip(("batch", "height", "width"), tensor.type.tensor_type.shape.dim, strict=False):
            if not axis.HasField("dim_value"):
                axis.dim_param = name
