"""Learning curves, the best epoch, and when to stop. All of it survives an interruption."""

import keras
import numpy as np
import pandas as pd

from pipeline.errors import UserError


class Progress(keras.callbacks.Callback):
    """Write the learning curves (CSV, six digits) and a checkpoint after each epoch, and stop when training gets no better.

    `monitor` decides which epoch is best: "loss" (smallest), or the name of a metric (largest). Training stops after `patience`
    epochs without a better one, or never if it is 0. The checkpoint notes how many epochs were `planned`. Of several processes,
    only the first one `writes`.
    """

    def __init__(self, curves, checkpoint, monitor, patience, planned, writes):
        super().__init__()
        self.curves, self.checkpoint, self.writes = curves, checkpoint, writes
        self.monitor, self.patience, self.planned = monitor, patience, planned
        self.epochs, self.best_epoch, self.best_score, self.best_weights = [], 0, -np.inf, []
        self.validated = []  # the weights that validation saw; training may go on with others

    @property
    def finished(self):
        return bool(self.patience) and len(self.epochs) - self.best_epoch >= self.patience

    def resume(self, network):
        """Bring a compiled network to the state of its checkpoint, if there is one; return the number of epochs already done."""
        network.optimizer.build(network.trainable_variables)
        if found := self.checkpoint.read():
            arrays, values = found
            for name, variable in _state(network).items():
                variable.assign(arrays[name])
            self.epochs, self.best_epoch, self.best_score = values["epochs"], values["best_epoch"], values["best_score"]
            self.best_weights = [arrays[f"best/{i}"] for i in range(len(network.weights))]
            print(f"resuming after epoch {len(self.epochs)}, from {self.checkpoint.path}", flush=True)
            self._write_curves()  # DVC removes them before it runs a stage again
        return len(self.epochs)

    def on_test_end(self, logs=None):
        self.validated = self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        for name, value in logs.items():
            if not np.isfinite(value):
                raise UserError(f"epoch {epoch + 1}: {name} is {value}, not a finite number; lower train.lr")
        values = logs | {"learning_rate": self.model.optimizer.learning_rate}
        self.epochs.append({"epoch": epoch + 1} | {name: f"{float(value):.6g}" for name, value in values.items()})
        value = float(logs[f"val_{self.monitor}"])
        score = -value if self.monitor == "loss" else value
        if score > self.best_score:
            self.best_epoch, self.best_score, self.best_weights = epoch + 1, score, self.validated
        self.model.stop_training = self.finished
        if self.writes:
            self._write_curves()
            state = {name: keras.ops.convert_to_numpy(variable) for name, variable in _state(self.model).items()}
            state |= {f"best/{i}": weight for i, weight in enumerate(self.best_weights)}
            values = {"epochs": self.epochs, "best_epoch": self.best_epoch, "best_score": self.best_score}
            self.checkpoint.write(state, values | {"planned": self.planned})

    def _write_curves(self):
        if self.writes:
            self.curves.parent.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(self.epochs).to_csv(self.curves, index=False)


class Validated(keras.callbacks.Callback):
    """Validate, and so keep, the averaged weights of the optimizer, with batch statistics measured for them.

    `statistics` is a `pipeline.training.batch_statistics.BatchStatistics`, or None to keep the moving averages of training.
    List this callback after those that read the network at the end of validation, because it then restores the weights that
    training goes on with. The statistics need no restoring: training never reads them.
    """

    def __init__(self, statistics):
        super().__init__()
        self.statistics, self.trained = statistics, []

    def on_test_begin(self, logs=None):
        variables, averages = self.model.trainable_variables, self.model.optimizer.averages()
        # Copies: JAX gives the memory of a variable to the next step, and two variables must not share it.
        self.trained = [np.array(variable) for variable in variables] if averages else []
        for variable, average in zip(variables, averages, strict=bool(averages)):
            variable.assign(np.array(average))
        if self.statistics:
            self.statistics.measure()

    def on_test_end(self, logs=None):
        for variable, value in zip(self.model.trainable_variables, self.trained, strict=bool(self.trained)):
            variable.assign(value)


def _state(network):
    """Every variable that an epoch changes: weights, running averages, dropout's generators, and the optimizer's own."""
    groups = {"network": network.variables, "optimizer": network.optimizer.variables}
    return {f"{group}/{i}": variable for group, variables in groups.items() for i, variable in enumerate(variables)}
