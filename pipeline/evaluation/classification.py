"""Score a classification network on the test images."""

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.evaluation.held_out import held_out_images
from pipeline.evaluation.write import write_metrics, write_table
from pipeline.images.packed import load_packed
from pipeline.inference.model import load_trained
from pipeline.reporting.mistakes import mistakes
from pipeline.scoring import classification

MISTAKES = 12  # on the sheet of the most confident ones: three rows of four


def evaluate_classification(dataset, name):
    """Classify every test image, and write metrics, one row per image, the pairs of the confusion matrix and the worst mistakes.

    Parameters
    ----------
    dataset, name : str
    """
    model = load_trained(paths.model(dataset, name))
    classes = model.card["classes"]
    folder = paths.report(dataset, name)
    rows, probabilities = [], []
    for record, image in tqdm(held_out_images(dataset), desc=f"{name} on {dataset}", disable=None):
        probability = model.classify(image)
        probabilities.append(probability)
        best = int(probability.argmax())
        rows.append(
            {"image": record["name"], "group": record["group"], "actual": record["label"]}
            | {"predicted": classes[best], "confidence": probability[best]}
        )
    labels = np.array([classes.index(row["actual"]) for row in rows])
    metrics = classification.summarise(labels, np.stack(probabilities))
    majority = classification.majority_accuracy(load_packed(paths.patches(dataset), "train").targets, labels)
    write_metrics(folder, metrics | {"trivial_accuracy": majority, "test_images": len(rows)})
    table = pd.DataFrame(rows)
    write_table(folder / "per_image.csv", table)
    write_table(folder / "confusion.csv", table[["actual", "predicted"]])
    (folder / "panels").mkdir(exist_ok=True)
    (folder / "panels/1-mistakes.png").write_bytes(_most_confident_mistakes(dataset, table))


def _most_confident_mistakes(dataset, table):
    wrong = table[table["actual"] != table["predicted"]].sort_values(["confidence", "image"], ascending=[False, True])[:MISTAKES]
    images = {record["name"]: image for record, image in held_out_images(dataset) if record["name"] in set(wrong["image"])}
    captions = [f"{row.actual}\ntaken for {row.predicted} ({row.confidence:.0%})" for row in wrong.itertuples()]
    return mistakes([images[name] for name in wrong["image"]], captions)
