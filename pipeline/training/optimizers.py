"""Keras's optimizers, with weight decay of kernels only, averages that forget the start, and a rate of its own for a layer."""

import keras
from keras import ops

from pipeline.training.schedule import schedule

MEMORY = 10  # steps: after n steps an average looks back over n / MEMORY of them at most, else a short training keeps its start


class _Own:
    """What both optimizers do differently from Keras."""

    factors = None  # on the learning rate of each variable, in the order of the optimizer (`scale_rates`)

    def _apply_weight_decay(self, variables):
        """Shrink each variable by its own rate. Keras takes the same for all."""
        if self.weight_decay is None:
            return
        for number, variable in enumerate(variables):
            if self._use_weight_decay(variable):
                rate = ops.cast(self.learning_rate, variable.dtype) * (self.factors[number] if self.factors else 1.0)
                variable.assign(variable - variable * self.weight_decay * rate)

    def _use_weight_decay(self, variable):
        """Kernels only: smaller biases, scales or shifts would limit what the network can compute, not make it smoother."""
        return len(variable.shape) > 1

    def _update_model_variables_moving_average(self, trainable_variables):
        """Average exponentially (Polyak and Juditsky 1992), over few steps at first.

        Keras keeps ``ema_momentum`` of the first step from the beginning, so that 0.999 needs thousands of steps to forget it.
        """
        step = ops.cast(self.iterations, "float32")
        kept = ops.minimum(self.ema_momentum, step / (step + MEMORY))
        for variable, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            average.assign(kept * average + (1.0 - kept) * variable)

    def averages(self):
        """The averages, in the order of the model's trainable variables; none unless ``use_ema``."""
        return self._model_variables_moving_average if self.use_ema else []


class Adam(_Own, keras.optimizers.Adam):
    """Keras's Adam (Kingma and Ba 2015, arXiv 1412.6980), with the same variables and the same rule.

    With ``weight_decay`` it is AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101): each step first shrinks the kernels by the
    rate times the decay. Keras on TensorFlow reads and writes each weight in a dozen operations; TensorFlow's fused kernel does
    it once.
    """

    def update_step(self, gradient, variable, learning_rate):
        if keras.backend.backend() != "tensorflow":
            return super().update_step(gradient, variable, learning_rate)
        from pipeline.networks.common.tensorflow_door import fused_adam

        index = self._get_variable_index(variable)
        moments = self._momentums[index], self._velocities[index]
        fused_adam(variable, *moments, gradient, self.iterations + 1, learning_rate, self.beta_1, self.beta_2, self.epsilon)


class SGD(_Own, keras.optimizers.SGD):
    """Keras's stochastic gradient descent."""


def optimizer(settings, epochs, steps_per_epoch):
    """Make the optimizer that `settings` (pipeline.params.Train) names, with its schedule over so many epochs."""
    rate = schedule(settings, epochs, steps_per_epoch)
    average = {"use_ema": True, "ema_momentum": settings.average} if settings.average else {}
    if settings.optimizer == "sgd":
        return SGD(rate, momentum=0.9, nesterov=True, **average)
    return Adam(rate, weight_decay=settings.weight_decay if settings.optimizer == "adamw" else None, **average)


def scale_rates(optimizer, network):
    """Multiply the learning rate of each layer that has a ``lr_scale`` by it, whatever the optimizer (`keras.optimizers`).

    A step of the optimizer updates the variables one by one; the factor is applied there, so that the schedule, the moments
    and the state in a checkpoint are those of one optimizer.
    """
    by_path = {v.path: getattr(layer, "lr_scale", 1.0) for layer in network.layers for v in layer.trainable_variables}
    factors = [by_path[variable.path] for variable in network.trainable_variables]  # in the order of the optimizer
    if set(factors) <= {1.0}:
        return
    optimizer.factors = factors
    update, number = optimizer.update_step, optimizer._get_variable_index  # TensorFlow hands over its own variables, without path
    optimizer.update_step = lambda gradient, variable, rate: update(gradient, variable, rate * factors[number(variable)])
