"""The only module that imports TensorFlow. Everything else is written for Keras, whatever its backend."""

import tensorflow as tf


def fused_batch_norm(inputs, gamma, beta, mean, variance, epsilon, training):
    """Normalise a batch of images with one kernel, where Keras on TensorFlow strings a dozen element-wise ones.

    Parameters
    ----------
    inputs : tensor, shape (N, H, W, C), float32 or bfloat16
    gamma, beta, mean, variance : tensor, shape (C,), float32
        With `training`, mean and variance are not used: the batch's own are.
    epsilon : float
    training : bool

    Returns
    -------
    outputs : tensor, shape (N, H, W, C), as `inputs`
    batch_mean, batch_variance : tensor, shape (C,), float32
        The variance is the biased one, as Keras keeps it.
    """
    nothing = tf.constant([], tf.float32)
    outputs, batch_mean, batch_variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=gamma,
        offset=beta,
        mean=nothing if training else mean,
        variance=nothing if training else variance,
        epsilon=epsilon,
        is_training=training,
    )
    if training:
        shape = tf.shape(inputs)
        count = tf.cast(shape[0] * shape[1] * shape[2], tf.float32)
        batch_variance *= (count - 1) / count  # the kernel returns the unbiased variance
    return outputs, batch_mean, batch_variance


def gradient(function, inputs):
    """Gradient of a scalar function of one tensor, of the tensor's shape."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:  # of the weights nothing is asked
        tape.watch(inputs)
        value = function(inputs)
    return tape.gradient(value, inputs)
