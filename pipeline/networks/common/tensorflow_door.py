"""The only module that imports TensorFlow. Everything else is written for Keras, whatever its backend."""

import keras
import tensorflow as tf


def fused_batch_norm(inputs, gamma, beta, mean, variance, epsilon, training):
    """Normalise images (N, H, W, C), float32 or bfloat16, with one kernel, where Keras runs a dozen element-wise ones.

    The statistics are (C,), float32. With `training`, mean and variance are not used: the batch's own are. Returns the images,
    the batch's mean and its variance: the biased one, as Keras keeps it.
    """
    if training:
        mean = variance = tf.constant([], tf.float32)
    outputs, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs, scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=epsilon, is_training=training
    )
    if training:
        shape = tf.shape(inputs)
        count = tf.cast(shape[0] * shape[1] * shape[2], tf.float32)
        batch_variance *= (count - 1) / count  # the kernel returns the unbiased variance
    return outputs, batch_mean, batch_variance


def fused_adam(variable, first, second, gradient, step, rate, beta_1, beta_2, epsilon):
    """Update a variable and its two moments by one step of Adam (counted from 1), with one kernel.

    The moments are running means of the gradient and of its square.
    """
    var, m, v = (v.value.handle if isinstance(v, keras.Variable) else v.handle for v in (variable, first, second))
    power, rate, gradient = (tf.cast(value, tf.float32) for value in (step, rate, gradient))
    powers = {"beta1_power": beta_1**power, "beta2_power": beta_2**power}
    own = {"beta1": beta_1, "beta2": beta_2, "epsilon": epsilon}
    tf.raw_ops.ResourceApplyAdam(var=var, m=m, v=v, lr=rate, grad=gradient, **powers, **own)


def stream(batches):
    """Read a `keras.utils.PyDataset` ahead while a network trains, as a ``tf.data.Dataset`` without its tuner.

    Keras turns the tuner on. It looks after 10 ms, 20 ms, 40 ms, ... whether it should stop, and often misses the signal: an
    epoch of 11 s then lasts 20 s. Batches may differ in the length of their first axis only.
    """

    def read():
        for index in range(len(batches)):
            yield batches[index]

    signature = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in batches[0])
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_generator(read, output_signature=signature).prefetch(2)
    return data.apply(tf.data.experimental.assert_cardinality(len(batches))).with_options(options)


def gradient(function, inputs):
    """Gradient of a scalar function of one tensor, of the tensor's shape."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:  # no gradients of the weights
        tape.watch(inputs)
        value = function(inputs)
    return tape.gradient(value, inputs)


def compiled(network):
    """Compile the prediction of a network for images of any size: ndarray (N, H, W, C), float32, to ndarray."""
    signature = [tf.TensorSpec((None, None, None, network.input.shape[-1]), tf.float32)]
    function = tf.function(lambda images: network(images, training=False), input_signature=signature)
    return lambda images: function(images).numpy()
