"""From a trained model to a verified export."""

from pipeline.errors import UserError
from pipeline.exporting import bioimage, onnx, openvino, savedmodel
from pipeline.exporting.network import portable
from pipeline.exporting.verify import difference
from pipeline.inference.model import load_trained
from pipeline.startup import silent_stderr

# Each has write(network, card, path) and read(path) → function of images (N, H, W, C) that returns probabilities.
WRITERS = {"onnx": onnx, "savedmodel": savedmodel, "openvino": openvino, "bioimage": bioimage}
LIMIT = 1e-4  # of a probability; float32 in another order of additions stays two digits below


def load(path):
    """Load a trained model as `load_trained` does, without what TensorFlow has to say."""
    with silent_stderr():
        return load_trained(path)


def convert(model, name, path):
    """Write a model in another format and compare it with Keras.

    Parameters
    ----------
    model : pipeline.inference.model.TrainedModel
    name : str
        Of the format, a key of `WRITERS`.
    path : pathlib.Path
        In a folder of its own: intermediate files may stand beside it.

    Returns
    -------
    float
        The largest absolute difference of probabilities.

    Raises
    ------
    UserError
        If it exceeds `LIMIT`.
    """
    writer = WRITERS[name]
    with silent_stderr():  # TensorFlow, tf2onnx and the validators write about what they do
        network = portable(model.network, model.card["task"])
        writer.write(network, model.card, path)
        found = difference(writer.read(path), network)
    if not found <= LIMIT:  # also if it is not a number
        raise UserError(
            f"{path.name}: expected probabilities within {LIMIT:g} of those of Keras, received a difference of {found:.1e}; "
            "nothing was written"
        )
    return found
