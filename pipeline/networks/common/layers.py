"""The layers that Keras does not have. Registered, so that a saved network loads wherever this module is imported."""

import keras
from keras import ops

# Of the moving averages of batch normalisation. Keras's 0.99 still holds a third of its start after a hundred steps:
# validation is then garbage for the first epochs. A batch has a million pixels, so ten batches are average enough.
MOMENTUM = 0.9


@keras.saving.register_keras_serializable(package="pipeline")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalisation, computed by TensorFlow's fused kernel where that is the backend.

    Same variables, same results; a U-Net trains half as fast again in bfloat16.
    """

    def call(self, inputs, training=None, mask=None):
        fused = keras.backend.backend() == "tensorflow" and len(inputs.shape) == 4 and mask is None
        if not fused:
            return super().call(inputs, training=training, mask=mask)
        from pipeline.networks.common.tensorflow_door import fused_batch_norm

        training = bool(training) and self.trainable
        outputs, mean, variance = fused_batch_norm(
            inputs, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.epsilon, training
        )
        if training:
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        return outputs


@keras.saving.register_keras_serializable(package="pipeline")
class GroupedConvolution(keras.layers.Conv2D):
    """Keras's convolution with ``groups``, computed on TensorFlow as a depthwise convolution whose results are added up.

    Same weights, same results. TensorFlow has no gradient of a grouped convolution on a CPU, and Keras's way out takes a
    hundred times as long.
    """

    def call(self, inputs):
        if keras.backend.backend() != "tensorflow" or self.groups == 1:
            return super().call(inputs)
        *side, within, filters = self.kernel.shape
        each = filters // self.groups
        kernel = ops.reshape(self.kernel, (*side, within, self.groups, each))
        kernel = ops.reshape(ops.moveaxis(kernel, 2, 3), (*side, self.groups * within, each))
        products = ops.depthwise_conv(inputs, kernel, self.strides, self.padding)
        shape = ops.shape(products)
        outputs = ops.sum(ops.reshape(products, (*shape[:3], self.groups, within, each)), axis=4)
        outputs = ops.reshape(outputs, (*shape[:3], filters))
        return self.activation(outputs + self.bias if self.use_bias else outputs)


@keras.saving.register_keras_serializable(package="pipeline")
class GroupNormalization(keras.layers.GroupNormalization):
    """Keras's group normalisation of images (N, H, W, C), in fewer passes over them: same variables, same results.

    Sums over rows and columns come first, and one product and one sum per value are what is left.
    """

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        mean, square = ops.mean(x, axis=(1, 2)), ops.mean(ops.square(x), axis=(1, 2))  # (N, C)
        if self.groups != inputs.shape[-1]:
            mean, square = self._pooled(mean), self._pooled(square)
        scale = ops.rsqrt(ops.maximum(square - ops.square(mean), 0.0) + self.epsilon) * self.gamma
        shift = self.beta - mean * scale
        return ops.cast(x * scale[:, None, None] + shift[:, None, None], self.compute_dtype)

    def _pooled(self, values):
        """The mean over the channels of each group, for each of its channels: (N, C)."""
        size = values.shape[-1] // self.groups
        grouped = ops.mean(ops.reshape(values, (-1, self.groups, size)), axis=-1)
        return ops.repeat(grouped, size, axis=-1)


@keras.saving.register_keras_serializable(package="pipeline")
class CropTo(keras.layers.Layer):
    """Crop the first input at its lower right to the height and width of the second.

    Pooling with padding rounds odd sizes up, and the way back doubles them: one row or column too many.
    """

    def call(self, inputs):
        larger, reference = inputs
        if None not in larger.shape[1:3] and larger.shape[1:3] == reference.shape[1:3]:
            return larger
        shape = ops.shape(reference)
        return larger[:, : shape[1], : shape[2], :]

    def compute_output_shape(self, input_shape):
        larger, reference = input_shape
        return (larger[0], *reference[1:3], larger[3])


@keras.saving.register_keras_serializable(package="pipeline")
class MirrorTile(keras.layers.Layer):
    """Continue images at their edges by mirroring, the edge itself repeated, for a network of unpadded convolutions.

    Such a network takes `border` pixels off each side, and gives 4 pixels more than a multiple of `multiple`. The images grow to
    the smallest size from which an output at least as large as the image remains: by `border` above and to the left, by as much
    or more below and to the right. Small images are mirrored several times.
    """

    def __init__(self, border, multiple, **kwargs):
        super().__init__(**kwargs)
        self.border, self.multiple = border, multiple

    def call(self, inputs):
        shape = ops.shape(inputs)
        for axis in (1, 2):
            length = shape[axis]
            # From -border on, modulo 2 length, without negative numbers: ONNX divides those towards zero.
            positions = (ops.arange(self._grown(length), dtype="int32") + (2 * length - 1) * self.border) % (2 * length)
            inputs = ops.take(inputs, ops.minimum(positions, 2 * length - 1 - positions), axis=axis)
        return inputs

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(None if side is None else self._grown(side) for side in sides), channels)

    def _grown(self, length):
        return 4 + (length + self.multiple - 5) // self.multiple * self.multiple + 2 * self.border

    def get_config(self):
        return super().get_config() | {"border": self.border, "multiple": self.multiple}


@keras.saving.register_keras_serializable(package="pipeline")
class AverageProbability(keras.layers.Layer):
    """Average what several outputs say: from logits (N, ..., K) of each, those whose probability is the mean of theirs.

    The probability is the sigmoid of one logit, or the softmax of several.
    """

    def call(self, inputs):
        logits = ops.stack(inputs)
        if logits.shape[-1] > 1:
            return ops.logsumexp(ops.log_softmax(logits, axis=-1), axis=0)
        return ops.logsumexp(-ops.softplus(-logits), axis=0) - ops.logsumexp(-ops.softplus(logits), axis=0)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable(package="pipeline")
class Double(keras.layers.Layer):
    """Double height and width by bilinear interpolation, between pixels' centres, edges repeated.

    As ``UpSampling2D(2, interpolation="bilinear")``, which on TensorFlow fails where a compiled network meets images of
    several sizes, and which XLA does not compile.
    """

    def call(self, inputs):
        return _doubled(_doubled(inputs, axis=1), axis=2)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(None if side is None else 2 * side for side in sides), channels)


def _doubled(x, axis):
    """Put two values in the place of each along an axis: a quarter of a pixel before its centre, and behind it."""
    # Repeat an edge first, then cut: of a single pixel nothing would be left to cut first, and ONNX refuses empty arrays.
    if axis == 1:
        before, after = ops.concatenate([x[:, :1], x], 1)[:, :-1], ops.concatenate([x, x[:, -1:]], 1)[:, 1:]
    else:
        before, after = ops.concatenate([x[:, :, :1], x], 2)[:, :, :-1], ops.concatenate([x, x[:, :, -1:]], 2)[:, :, 1:]
    pairs = ops.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
    shape = list(ops.shape(x))
    shape[axis] = 2 * shape[axis]
    return ops.reshape(pairs, shape)


@keras.saving.register_keras_serializable(package="pipeline")
class PadTo(keras.layers.Layer):
    """Pad images with zeros at their lower right, to a height and width that `cell` divides."""

    def __init__(self, cell, **kwargs):
        super().__init__(**kwargs)
        self.cell = cell

    def call(self, inputs):
        _, rows, columns, _ = ops.shape(inputs)
        return ops.pad(inputs, [[0, 0], [0, self._missing(rows)], [0, self._missing(columns)], [0, 0]])

    def _missing(self, side):
        return (self.cell - side % self.cell) % self.cell  # not -side % cell: ONNX takes the sign of the dividend

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(None if side is None else side + self._missing(side) for side in sides), channels)

    def get_config(self):
        return super().get_config() | {"cell": self.cell}


class _OfSections(keras.layers.Layer):
    """A layer of images (N · sections, H, W, C): the sections of a volume follow each other, volume after volume."""

    def __init__(self, sections, **kwargs):
        super().__init__(**kwargs)
        self.sections = sections

    def _volumes(self, inputs):
        return ops.reshape(inputs, (-1, self.sections, *ops.shape(inputs)[1:3], inputs.shape[-1]))

    def _shape(self, input_shape, left, channels):
        batch, *sides, _ = input_shape
        return (None if batch is None else batch // self.sections * left, *sides, channels)

    def get_config(self):
        return super().get_config() | {"sections": self.sections}


def _images(volumes):
    """(N, sections, H, W, C) to (N · sections, H, W, C)."""
    return ops.reshape(volumes, (-1, *ops.shape(volumes)[2:4], volumes.shape[-1]))


@keras.saving.register_keras_serializable(package="pipeline")
class SectionsApart(_OfSections):
    """Take the sections of images (N, H, W, sections · C) apart: (N · sections, H, W, C)."""

    def call(self, inputs):
        shape = ops.shape(inputs)
        apart = ops.reshape(inputs, (*shape[:3], self.sections, inputs.shape[-1] // self.sections))
        return _images(ops.transpose(apart, (0, 3, 1, 2, 4)))

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (None if batch is None else batch * self.sections, *sides, channels // self.sections)


@keras.saving.register_keras_serializable(package="pipeline")
class SectionsInThrees(_OfSections):
    """Put each section between its neighbours: (N · sections, H, W, C) to (N · (sections - 2), H, W, 3 C).

    A convolution of 3 × 3 behind it is one of 3 × 3 × 3 that is not padded in depth.
    """

    def call(self, inputs):
        volumes = self._volumes(inputs)
        return _images(ops.concatenate([volumes[:, :-2], volumes[:, 1:-1], volumes[:, 2:]], axis=-1))

    def compute_output_shape(self, input_shape):
        return self._shape(input_shape, self.sections - 2, 3 * input_shape[-1])


@keras.saving.register_keras_serializable(package="pipeline")
class MiddleSections(_OfSections):
    """Keep the middle ones: (N · sections, H, W, C) to (N · kept, H, W, C)."""

    def __init__(self, sections, kept, **kwargs):
        super().__init__(sections, **kwargs)
        self.kept = kept

    def call(self, inputs):
        first = (self.sections - self.kept) // 2
        return _images(self._volumes(inputs)[:, first : first + self.kept])

    def compute_output_shape(self, input_shape):
        return self._shape(input_shape, self.kept, input_shape[-1])

    def get_config(self):
        return super().get_config() | {"kept": self.kept}
