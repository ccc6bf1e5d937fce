"""Learning curves: a CSV file that grows by a line each epoch, so that DVC and VS Code draw them while a network trains."""

import csv

import keras


class Curves(keras.callbacks.Callback):
    """Write ``epoch, <metrics>, learning_rate`` after each epoch, with six digits and no wall-clock time.

    Parameters
    ----------
    path : path-like
    """

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_begin(self, logs=None):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("")

    def on_epoch_end(self, epoch, logs=None):
        row = {"epoch": epoch + 1} | {name: f"{float(value):.6g}" for name, value in logs.items()}
        row["learning_rate"] = f"{float(self.model.optimizer.learning_rate):.6g}"
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row, lineterminator="\n")
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)
