"""What a tutorial gives: the same networks in Keras's own layers, `fit` on arrays, `predict`; nothing tuned."""

import keras
import numpy as np
from keras import layers

from benchmarks.task import CLASSES, DENSE


def unet(channels, filters):
    inputs = x = keras.Input((None, None, channels))
    skips = []
    for level in range(4):
        x = _two(x, filters * 2**level)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = _two(layers.Dropout(0.1)(x), filters * 16)
    for level in reversed(range(4)):
        x = layers.Conv2DTranspose(filters * 2**level, 2, strides=2)(x)
        x = _two(layers.Concatenate()([skips[level], x]), filters * 2**level)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


def attn_resunet(channels, filters):
    inputs = x = keras.Input((None, None, channels))
    skips = []
    for level in range(4):
        x = _residual(x, filters * 2**level)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = _residual(layers.Dropout(0.1)(x), filters * 16)
    for level in reversed(range(4)):
        width = filters * 2**level
        features = layers.Conv2D(width // 2, 2, strides=2, use_bias=False)(skips[level])
        alpha = layers.Activation("relu")(layers.Add()([features, layers.Conv2D(width // 2, 1)(x)]))
        alpha = layers.UpSampling2D(interpolation="bilinear")(layers.Conv2D(1, 1, activation="sigmoid")(alpha))
        x = layers.Conv2DTranspose(width, 2, strides=2)(x)
        x = _residual(layers.Concatenate()([layers.Multiply()([skips[level], alpha]), x]), width)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))


def vgg16(side, channels):
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(side, side, channels))
    x = layers.Flatten()(base.output)
    for _ in range(2):
        x = layers.Dropout(0.5)(layers.Dense(DENSE, activation="relu")(x))
    return keras.Model(base.input, layers.Dense(CLASSES, activation="softmax")(x))


def training(task):
    network, (images, targets) = _network(task), task.data()
    images = images.astype(np.float32) / 255
    targets = targets if task.network == "vgg16" else targets[..., None].astype(np.float32)
    loss = "sparse_categorical_crossentropy" if task.network == "vgg16" else "binary_crossentropy"
    network.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])

    def train(batches):
        rows = np.arange(batches * task.batch) % len(images)
        network.fit(images[rows], targets[rows], batch_size=task.batch, verbose=0)

    return train, network.count_params()


def prediction(task):
    network, images = _network(task), task.data()[0].astype(np.float32) / 255

    def predict(batches):
        rows = np.arange(batches * task.batch) % len(images)
        network.predict(images[rows], batch_size=task.batch, verbose=0)

    return predict, network.count_params()


def _network(task):
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[task.precision])
    if task.network == "vgg16":
        return vgg16(task.side, task.channels)
    return {"unet": unet, "attn_resunet": attn_resunet}[task.network](task.channels, task.filters or 16)


def _two(x, filters):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
    return x


def _residual(x, filters):
    shortcut = layers.BatchNormalization()(layers.Conv2D(filters, 1)(x))
    x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x))
    return layers.Activation("relu")(layers.Add()([x, shortcut]))
