"""Encoders: the first half of a network, which may have seen other images before. One module each, found by its name.

An encoder's module has ``SCALING``, the mean and variance of the input that its published weights expect; ``features``, which
builds its maps; ``load``, which reads a file of published weights; perhaps ``head``, the layers between the deepest features and
a classifier; and ``APPLICATION``, if it is one of Keras: some of its layers are then exchanged for ours. `encode` puts an encoder
behind the image input of a network.
"""

import importlib
from dataclasses import dataclass

import keras
from keras import layers

from pipeline.networks.common import blocks
from pipeline.networks.common.layers import MOMENTUM, BatchNormalization, CropTo, PadTo
from pipeline.networks.common.pretrained import begin_with, standardised

CELL = 32  # pixels to a side that the deepest features of every encoder see as one


@dataclass(frozen=True)
class FirstHalf:
    """What a decoder starts from: tensors of Keras.

    ``skips`` are the features at strides 1, 2, 4, ..., the finest first, and ``deepest`` those after the last pooling. If they
    are not the network's ``own``, they come from an encoder. It has five poolings, and sees the image padded at its lower right
    to whole cells of 32 × 32 pixels; ``cropped`` crops features at stride 1 to the image again.
    """

    inputs: keras.KerasTensor
    skips: list
    deepest: keras.KerasTensor
    own: bool = False

    def cropped(self, x):
        return x if self.own else CropTo()([x, self.inputs])


def encode(encoder, *, channels, mean=0.0, variance=1.0, size=(None, None), pretrained=None, frozen=0, lr_scale=1.0, head=False):
    """Start a network with an encoder: images (N, H, W, channels), float32 in [0, 1], of any size → `FirstHalf`.

    Most encoders begin with a stride of 2; the skip at stride 1 is then the standardised image. Each map is normalised where it
    leaves the encoder. With published weights, the features of VGG16 have a standard deviation of up to a hundred, those of the
    others of ten, and a fresh decoder or classifier would start with logits of that size.

    Parameters
    ----------
    encoder : str
        The name of its module.
    channels : int
        With published weights 1 or 3: a grey image is repeated for red, green and blue.
    mean, variance : float or sequence of float
        Of the training images, in [0, 1] units. An encoder with pretrained weights sees images as those weights expect them.
    size : (int or None, int or None)
        Rows and columns, if all images have the same.
    pretrained : path-like, optional
        A file of published weights, or a ``.keras`` model of this pipeline with the same encoder.
    frozen : int
        How many of the encoder's five levels are not trained.
    lr_scale : float
        Factor on the learning rate of the others.
    head : bool
        Whether ``deepest`` ends with the encoder's ``head``, if it has one.

    Raises
    ------
    UserError
        If pretrained weights do not suit the images, or cannot be read.
    """
    module = importlib.import_module(f"{__name__}.{encoder}")
    inputs, image = blocks.image_input(channels, mean, variance, size)
    x, donor = standardised(inputs, pretrained, mean, variance, module.SCALING, "scale")
    image = PadTo(CELL, name="image_cells")(image)
    features = module.features(PadTo(CELL, name="cells")(x))
    if head and hasattr(module, "head"):
        features[-1] = module.head(features[-1])
    network = keras.Model(inputs, [image, *features])
    if hasattr(module, "APPLICATION"):
        network = keras.models.clone_model(network, clone_function=_ours)
    inputs, (image, *features) = network.inputs[0], network.outputs
    if pretrained is not None:
        names = {layer.name for layer in network.layers if not isinstance(layer, layers.Normalization)}
        begin_with(pretrained, donor, network, names.__contains__, module.load)
    _mark(inputs, features, frozen, lr_scale)
    maps = [BatchNormalization(momentum=MOMENTUM, name=f"level{n}_out")(feature) for n, feature in enumerate(features, 1)]
    finest = [] if len(maps) == 6 else [image]
    return FirstHalf(inputs, [*finest, *maps[:-1]], maps[-1])


def _mark(inputs, features, frozen, lr_scale):
    """Freeze the first levels, and note the factor on the learning rate of the others (see `pipeline.training.optimizers`)."""
    seen = set()
    for level, feature in enumerate(features, 1):
        for layer in (layer for layer in keras.Model(inputs, feature).layers if layer.name not in seen):
            seen.add(layer.name)
            layer.trainable = level > frozen
            layer.lr_scale = lr_scale


def _ours(layer):
    """Copy a layer of a Keras application: with our batch normalisation, and kernels for ReLU instead of Keras's default."""
    config = layer.get_config()
    if type(layer) is layers.BatchNormalization:
        return BatchNormalization.from_config(config | {"momentum": MOMENTUM})
    if type(layer) is layers.Conv2D:
        config["kernel_initializer"] = blocks.INITIALIZER
    return type(layer).from_config(config)
