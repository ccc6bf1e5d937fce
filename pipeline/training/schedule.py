"""The learning rate of each step."""

import math

import keras
from keras import ops

RISE, START = 0.3, 1 / 25  # of one cycle: share of the steps in which the rate rises, and the share of the peak it starts from


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


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Rise along half a cosine from `START` × `peak` to `peak` in the first `RISE` of all `steps`, and fall along one to zero.

    Smith and Topin 2018 (arXiv 1708.07120), in the form that PyTorch gave it; the momentum stays.
    """

    def __init__(self, peak, steps):
        self.peak, self.steps = peak, steps

    def __call__(self, step):
        step, top = ops.cast(step, "float32"), RISE * self.steps
        up, down = ops.clip(step / top, 0.0, 1.0), ops.clip((step - top) / (self.steps - top), 0.0, 1.0)
        risen = START + (1 - START) * 0.5 * (1.0 - ops.cos(math.pi * up))
        return self.peak * risen * 0.5 * (1.0 + ops.cos(math.pi * down))


def schedule(settings, epochs, steps_per_epoch):
    """The schedule that `settings` (pipeline.params.Train) names, over so many epochs."""
    if settings.schedule == "one_cycle":
        return OneCycle(settings.lr, epochs * steps_per_epoch)
    warmup = round(min(settings.warmup, epochs) * steps_per_epoch)
    return WarmUp(settings.lr, epochs * steps_per_epoch, warmup, cosine=settings.schedule == "cosine")
