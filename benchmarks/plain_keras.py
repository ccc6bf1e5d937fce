"""What a tutorial gives: the same networks in Keras's own layers, `fit` on arrays, `predict`; nothing tuned."""

import keras
import numpy as np
from keras import layers

from benchmarks.task import CLASSES, DENSE


def unet(channels, filters, gates=False):
    """U-Net, or with `gates` the Attention Residual U-Net."""
    inputs = x = keras.Input((None, None, channels))
    block, skips = _residual if gates else _two, []
    for level in range(4):
        x = block(x, filters * 2**level)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = block(layers.Dropout(0.1)(x), filters * 16)
    for level in reversed(range(4)):
        width, skip = filters * 2**level, skips[level]
        skip = _gated(skip, x, width // 2) if gates else skip
        x = layers.Conv2DTranspose(width, 2, strides=2)(x)
        x = block(layers.Concatenate()([skip, x]), width)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


def vgg16(side, channels):
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(side, side, channels))
    x = layers.Flatten()(base.output)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(DENSE, activation="relu")(x))
    return keras.Model(base.input, layers.Dense(CLASSES, activation="softmax")(x))


def training(task):
    network, (images, targets) = network_of(task), task.data()
    images = images.astype(np.float32) / 255
    targets = targets if task.classifies else targets[..., None].astype(np.float32)
    loss = "sparse_categorical_crossentropy" if task.classifies else "binary_crossentropy"
    network.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])

    def train(batches):
        rows = np.arange(batches * task.batch) % len(images)
        network.fit(images[rows], targets[rows], batch_size=task.batch, verbose=0)

    return train, network.count_params()


def prediction(task):
    network, images = network_of(task), task.data()[0].astype(np.float32) / 255

    def predict(batches):
        rows = np.arange(batches * task.batch) % len(images)
        network.predict(images[rows], batch_size=task.batch, verbose=0)

    return predict, network.count_params()


def network_of(task):
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[task.precision])
    if task.classifies:
        return vgg16(task.side, task.channels)
    return unet(task.channels, task.filters or 16, gates=task.network == "attn_resunet")


def _convolved(x, filters):
    return layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x))


def _two(x, filters):
    for _ in range(2):
        x = layers.Activation("relu")(_convolved(x, filters))
    return x


def _residual(x, filters):
    shortcut = layers.BatchNormalization()(layers.Conv2D(filters, 1)(x))
    x = _convolved(layers.Activation("relu")(_convolved(x, filters)), filters)
    return layers.Activation("relu")(layers.Add()([x, shortcut]))


def _gated(skip, x, filters):
    features = layers.Conv2D(filters, 2, strides=2, use_bias=False)(skip)
    alpha = layers.Activation("relu")(layers.Add()([features, layers.Conv2D(filters, 1)(x)]))
    alpha = layers.UpSampling2D(interpolation="bilinear")(layers.Conv2D(1, 1, activation="sigmoid")(alpha))
    return layers.Multiply()([skip, alpha])
