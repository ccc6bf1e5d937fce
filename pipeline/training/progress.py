"""What a training knows of itself: its curves, its best epoch, and when to stop. All of it survives an interruption."""

import csv

import keras
import numpy as np

from pipeline.errors import UserError


class Progress(keras.callbacks.Callback):
    """Keep the curves and the best epoch on validation, and write a checkpoint after each epoch.

    Parameters
    ----------
    curves : pathlib.Path
        CSV file that grows by a line each epoch, so that DVC and VS Code draw it while a network trains.
    checkpoint : pipeline.training.checkpoint.Checkpoint
    monitor : str
        What is best: "loss", the least; or the name of a metric, the most.
    patience : int
        Epochs without a better one after which training stops; 0: never.
    writes : bool
        False: read the checkpoint, write nothing. Of several processes that train together the first alone writes.

    Attributes
    ----------
    rows : list of dict
        One an epoch: epoch (from 1), loss, val_loss, metrics, learning_rate; six digits and no wall-clock time.
    best_epoch : int
    """

    def __init__(self, curves, checkpoint, monitor, patience, writes=True):
        super().__init__()
        self.curves = curves
        self.checkpoint = checkpoint
        self.monitor = monitor
        self.patience = patience
        self.writes = writes
        self.rows = []
        self.best_epoch, self.best_score, self.best_weights = 0, -np.inf, []

    @property
    def finished(self):
        return bool(self.patience) and len(self.rows) - self.best_epoch >= self.patience

    def resume(self, network):
        """Bring a compiled network to the state of its checkpoint, if there is one.

        Returns
        -------
        int
            Epochs that are behind it.
        """
        network.optimizer.build(network.trainable_variables)
        found = self.checkpoint.read()
        if found:
            arrays, values = found
            for name, variable in _state(network).items():
                variable.assign(arrays[name])
            self.rows, self.best_epoch, self.best_score = values["rows"], values["best_epoch"], values["best_score"]
            self.best_weights = [arrays[f"best/{i}"] for i in range(len(network.weights))]
            print(f"going on after epoch {len(self.rows)}, from {self.checkpoint.path}", flush=True)
        self._write_curves()
        return len(self.rows)

    def on_epoch_end(self, epoch, logs=None):
        wrong = [name for name, value in logs.items() if not np.isfinite(value)]
        if wrong:
            raise UserError(f"epoch {epoch + 1}: expected finite numbers, received {wrong[0]} = {logs[wrong[0]]}; lower train.lr")
        values = logs | {"learning_rate": self.model.optimizer.learning_rate}
        self.rows.append({"epoch": epoch + 1} | {name: f"{float(value):.6g}" for name, value in values.items()})
        self._write_curves()
        value = float(logs[f"val_{self.monitor}"])
        score = -value if self.monitor == "loss" else value
        if score > self.best_score:
            self.best_epoch, self.best_score, self.best_weights = epoch + 1, score, self.model.get_weights()
        self.model.stop_training = self.finished
        if not self.writes:
            return
        state = {name: keras.ops.convert_to_numpy(variable) for name, variable in _state(self.model).items()}
        state |= {f"best/{i}": weight for i, weight in enumerate(self.best_weights)}
        self.checkpoint.write(state, {"rows": self.rows, "best_epoch": self.best_epoch, "best_score": self.best_score})

    def _write_curves(self):
        if not self.writes:
            return
        self.curves.parent.mkdir(parents=True, exist_ok=True)
        with open(self.curves, "w", newline="", encoding="utf-8") as file:
            if self.rows:
                writer = csv.DictWriter(file, self.rows[0], lineterminator="\n")
                writer.writeheader()
                writer.writerows(self.rows)


def _state(network):
    """Every variable that an epoch changes: weights, averages, the generators of dropout, and the optimizer's own."""
    groups = {"network": network.variables, "optimizer": network.optimizer.variables}
    return {f"{group}/{i}": variable for group, variables in groups.items() for i, variable in enumerate(variables)}
