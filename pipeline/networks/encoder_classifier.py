"""A classifier on any encoder: its features are averaged over the image, and one dense layer tells the classes."""

from typing import Annotated

import keras
from keras import layers
from pydantic import AfterValidator

from pipeline.networks.common.encoders import encode
from pipeline.networks.common.settings import EncoderSettings, one_of
from pipeline.params.fields import Fraction

TITLE = "Encoder classifier"
CITATION = "Lin, Chen, Yan: Network in network (global average pooling), ICLR 2014, arXiv 1312.4400; the encoder's own paper"
TASK = "classification"


class Settings(EncoderSettings):
    encoder: Annotated[str, AfterValidator(one_of)] = "efficientnet_lite0"
    dropout: Fraction = 0.2


def build(*, size, channels, classes, encoder, dropout, mean, variance, encoder_frozen, encoder_lr_scale, pretrained):
    """Build a classifier: (N, *size, channels), float32 in [0, 1] → logits (N, classes), float32.

    Parameters
    ----------
    encoder : str
        See `pipeline.networks.common.encoders.encode`, also for ``encoder_frozen``, ``encoder_lr_scale`` and ``pretrained``.
    dropout : float
        Rate between the averaged features and the dense layer.
    mean, variance : float or sequence of float
        Of the training images, in [0, 1] units.
    """
    how = {"frozen": encoder_frozen, "lr_scale": encoder_lr_scale, "pretrained": pretrained, "head": True}
    first = encode(encoder, size=tuple(size), channels=channels, mean=mean, variance=variance, **how)
    x = layers.GlobalAveragePooling2D(name="average")(first.deepest)
    x = layers.Dropout(dropout)(x)
    return keras.Model(first.inputs, layers.Dense(classes, dtype="float32", name="logits")(x), name="encoder_classifier")
