"""Train the outputs that a network has for training alone: deep supervision, auxiliary classifiers."""

import keras


def trainee(network):
    """What to train in the place of a network: the network itself, or the outputs that its attribute ``supervised`` names.

    See `pipeline.networks`. The trainee shares the weights of the network, and has those of its other outputs besides.
    """
    return Supervised(network) if hasattr(network, "supervised") else network


class Supervised(keras.Model):
    """A network that learns from several outputs, and predicts, validates and is measured by its own one.

    The loss of training is the sum of the losses of all supervised logits, each times its weight.
    """

    def __init__(self, network):
        supervised, shares = zip(*network.supervised, strict=True)
        super().__init__(network.input, [network.output, *supervised], name=network.name)
        self.shares = shares

    def call(self, inputs, training=None, mask=None):
        outputs = super().call(inputs, training=training, mask=mask)
        return outputs if training else outputs[0]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        outputs, shares = (y_pred[1:], self.shares) if training else ([y_pred], [1.0])
        loss = super().compute_loss
        return sum(share * loss(x, y, logits, sample_weight, training) for share, logits in zip(shares, outputs, strict=True))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred[0] if isinstance(y_pred, list) else y_pred, sample_weight)
