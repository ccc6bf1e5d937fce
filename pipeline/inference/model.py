"""A trained model with what it knows of itself: the network, and the card beside it."""

import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import keras
import numpy as np

import pipeline.networks.common.layers  # noqa: F401  registers the layers that a saved network may hold
from pipeline.errors import UserError
from pipeline.images.io import scaled
from pipeline.images.resize import resize_image
from pipeline.inference.fold import folded
from pipeline.inference.tiling import predict_image, predict_rows, sigmoid

NEEDED = {"name", "network", "task", "classes", "channels", "resize"}  # of every card
# Classified together: as many images as have a megapixel, at most 64. VGG16's dense layers are read once for all of them: of
# tiles of 64 × 64 in bfloat16, 64 at a time take 0.6 of the time that 16 at a time do.
PIXELS, MOST = 2**20, 64


@dataclass(frozen=True)
class TrainedModel:
    """A network and its card.

    Attributes
    ----------
    network : keras.Model
        Returns logits.
    card : dict
        ``models/<dataset>/<network>.json``: task, classes, channels, resize, patch_size, threshold, ...
    """

    network: keras.Model
    card: dict

    def segment(self, image, settings):
        """Predict the foreground probability of each pixel at the image's own resolution.

        Parameters
        ----------
        image : ndarray, shape (H, W, C), uint8 or uint16
        settings : pipeline.params.Inference

        Returns
        -------
        ndarray, shape (H, W), float32 in [0, 1]
        """
        return self.blend(self._probability, image, settings)

    def segment_rows(self, read, shape, settings, rows=None):
        """Predict as `segment` does, from the top down, with few rows in memory (see `predict_rows`).

        Only for a model whose images are not resized.

        Parameters
        ----------
        read : callable
            ``read(start, stop)`` → rows of the image, ndarray (stop - start, W, C), uint8 or uint16.
        shape : tuple of int
            Rows and columns of the image.
        settings : pipeline.params.Inference
        rows : tuple of int, optional
            First row and the one after the last; by default all.

        Yields
        ------
        start : int
        probability : ndarray, shape (h, W), float32 in [0, 1]
        """
        how = (settings.tile, settings.overlap, settings.batch_size, settings.flips, self.align)
        return predict_rows(self._probability, lambda start, stop: scaled(read(start, stop)), shape, *how, rows)

    def blend(self, predict, image, settings):
        """Run another function of windows over an image as `segment` runs the network (see `predict_image`)."""
        pixels = scaled(image)
        size = self.card["resize"]
        if size is not None:
            pixels = resize_image(pixels, size)
        how = (settings.tile, settings.overlap, settings.batch_size, settings.flips, self.align)
        values = predict_image(predict, pixels, *how)
        return values if size is None else resize_image(values, image.shape[:2])

    @property
    def align(self):
        """Pixels by which an image can be moved so that the network's poolings fall on the same ones."""
        return alignment(self.network)

    @cached_property
    def _compiled(self):
        """What predicts: the network with its normalisations folded, by the backend's fastest way."""
        network = folded(self.network)
        if keras.backend.backend() == "tensorflow":
            from pipeline.networks.common.tensorflow_door import compiled

            return compiled(network)
        return network.predict_on_batch

    def _probability(self, windows):
        if len(windows) == 1 and not self._bfloat16 and keras.backend.backend() == "tensorflow":
            # In float32, oneDNN's kernels give one image alone other last bits than the same image among several. On a
            # processor with AVX2 it takes as long as two; bfloat16 has kernels that are quick for one, with the same bits.
            return self._probability(np.concatenate([windows, windows]))[:1]
        return sigmoid(self._compiled(windows))[..., 0]

    @cached_property
    def _bfloat16(self):
        return any(layer.compute_dtype == "bfloat16" for layer in self.network.layers)

    def classify(self, images):
        """Predict the probability of each class.

        Parameters
        ----------
        images : iterable of N ndarray, shape (H, W, C), uint8 or uint16
            Read one by one; a batch of them is in memory.

        Returns
        -------
        ndarray, shape (N, K), float64, each row sums to 1
        """
        return np.stack(list(self.classify_each(images)))

    def classify_each(self, images):
        """Predict as `classify` does, and yield a row for each image, in order, once its batch has been read."""
        rows, columns = self.card["resize"]
        together = min(MOST, max(1, PIXELS // (rows * columns)))
        pixels = (resize_image(scaled(image), (rows, columns)) for image in images)
        for batch in iter(lambda: list(islice(pixels, together)), []):
            yield from softmax(self._compiled(np.stack(batch)))


def alignment(network):
    """Pixels to a cell of a network's coarsest features: two to the power of its poolings."""
    return 2 ** sum(isinstance(layer, keras.layers.MaxPooling2D) for layer in network.layers)


def softmax(logits):
    """Class probabilities in float64 from logits (N, K), without overflow."""
    logits = np.asarray(logits, np.float64)
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def load_trained(path):
    """Load a ``.keras`` file and the ``.json`` card beside it.

    Loading is safe: a file that would run code of its own is refused.

    Raises
    ------
    UserError
        If either is missing, damaged or of another kind.
    """
    path = Path(path)
    beside = path.with_suffix(".json")
    for file in (path, beside):
        if not file.is_file():
            received = "a folder" if file.is_dir() else "no such file"
            raise UserError(f"{file}: expected a trained model, received {received}; `dvc repro` or `dvc pull` makes it")
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path}: expected a model trained by this pipeline, received a damaged file, or one of another kind")
    card = _read_card(beside)
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # zipfile, h5py and Keras each raise their own on a damaged or foreign file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{path}: expected a model trained by this pipeline, received: {reason}") from error
    outputs = (None, None, None, 1) if card["task"] == "segmentation" else (None, len(card["classes"]))
    if network.output.shape != outputs or network.input.shape[-1] != card["channels"]:
        raise UserError(f"{beside}: expected the card of {path.name}, received that of another network")
    return TrainedModel(network, card)


def _read_card(path):
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: expected the card of a model, received damaged JSON: {error}") from error
    needed = NEEDED | ({"threshold"} if isinstance(card, dict) and card.get("task") == "segmentation" else set())
    missing = needed - set(card) if isinstance(card, dict) else needed
    if missing:
        raise UserError(f"{path}: expected a card that says {', '.join(sorted(missing))}, received none; train the model again")
    return card
