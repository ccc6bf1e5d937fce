"""What every network's section in ``params.yaml`` has."""

from pipeline.errors import UserError
from pipeline.params.fields import Positive, Section


class NetworkSettings(Section):
    """Factors on the `train` section; a network's own settings inherit from this class."""

    lr_scale: Positive = 1.0
    epochs_scale: Positive = 1.0
    batch_scale: Positive = 1.0

    def training(self, train):
        """The `train` section with this network's learning rate, epochs and batch size (pipeline.params.Train).

        Raises a UserError if the warm-up takes longer than these epochs.
        """
        epochs, batch = self.epochs_scale * train.epochs, self.batch_scale * train.batch_size
        scaled = {"lr": self.lr_scale * train.lr, "epochs": max(1, round(epochs)), "batch_size": max(1, round(batch))}
        warms_up = train.schedule != "one_cycle" and not train.minutes
        if warms_up and train.warmup > scaled["epochs"]:
            raise UserError(f"train.warmup: {train.warmup:g} epochs of warm-up, but only {scaled['epochs']} epochs of training")
        return train.model_copy(update=scaled)
