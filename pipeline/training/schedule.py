"""The optimizer and the learning rate of each step."""

import math

import keras
from keras import ops


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rise linearly from zero to `peak`, then stay there, or fall along half a cosine to zero at the last of all `steps`."""

    def __init__(self, peak, steps, warmup_steps, cosine):
        self.peak, self.steps, self.warmup_steps, self.cosine = peak, steps, warmup_steps, cosine

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rise = ops.minimum(1.0, (step + 1.0) / max(1, self.warmup_steps))
        if not self.cosine:
            return self.peak * rise
        progress = ops.clip((step - self.warmup_steps) / max(1, self.steps - self.warmup_steps), 0.0, 1.0)
        return self.peak * rise * 0.5 * (1.0 + ops.cos(math.pi * progress))


class Adam(keras.optimizers.Adam):
    """Keras's Adam (Kingma and Ba 2015, arXiv 1412.6980), with the same variables and the same rule.

    Keras on TensorFlow reads and writes each weight in a dozen operations; TensorFlow's fused kernel does it once.
    """

    def update_step(self, gradient, variable, learning_rate):
        if keras.backend.backend() != "tensorflow":
            return super().update_step(gradient, variable, learning_rate)
        from pipeline.networks.common.tensorflow_door import fused_adam

        index = self._get_variable_index(variable)
        moments = self._momentums[index], self._velocities[index]
        fused_adam(variable, *moments, gradient, self.iterations + 1, learning_rate, self.beta_1, self.beta_2, self.epsilon)


def optimizer(settings, steps_per_epoch):
    """Make the optimizer that `settings` (pipeline.params.Train) names, with its schedule."""
    steps, warmup_steps = settings.epochs * steps_per_epoch, round(settings.warmup * steps_per_epoch)
    schedule = WarmUp(settings.lr, steps, warmup_steps, cosine=settings.schedule == "cosine")
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True)
    return Adam(schedule)
