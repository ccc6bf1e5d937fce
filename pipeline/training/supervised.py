"""Train outputs that a network has for training only: deep supervision, auxiliary classifiers."""

import keras


def trainee(network):
    """Return what to train: the network itself or, if it has the attribute ``supervised``, a model of those outputs.

    See `pipeline.networks`. Both share their weights.
    """
    return Supervised(network) if hasattr(network, "supervised") else network


class Supervised(keras.Model):
    """A network that learns from several outputs, but predicts with its own, which validation and metrics see.

    The training loss is the weighted sum of the losses of all supervised logits.
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
