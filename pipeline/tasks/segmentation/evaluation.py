"""Score a segmentation network on the whole test images, at their original resolution."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.datasets.layout import read_info
from pipeline.evaluation import gallery
from pipeline.evaluation.held_out import held_out_records, open_image, open_mask, units
from pipeline.evaluation.maps import map_panel
from pipeline.evaluation.write import fresh_folder, write_detail, write_metrics, write_table
from pipeline.images.figures import panel
from pipeline.inference.explain import attention_maps
from pipeline.inference.model import load_trained
from pipeline.networks.common.losses import LOSSES
from pipeline.scoring import calibration, curves, instances, overlap
from pipeline.scoring.calibration import Reliability
from pipeline.scoring.curves import Histogram
from pipeline.scoring.detections import average_precision
from pipeline.scoring.statistics import over_seeds, quartiles
from pipeline.tasks.segmentation.image import headline, score_image
from pipeline.tasks.segmentation.intervals import segmentation_intervals

DISTRIBUTIONS = ("dice", "iou", "nsd", "hd95", "assd", "hd95_nm", "assd_nm")


@dataclass(frozen=True)
class TestScores:
    """What one network scores on the test set.

    Attributes
    ----------
    images : list of pipeline.tasks.segmentation.image.ImageScore
    histogram : Histogram
    reliability : Reliability
    """

    images: list
    histogram: Histogram
    reliability: Reliability

    @property
    def metrics(self):
        """The keys of ``metrics.json``; the loss is its mean over images."""
        return headline(self.images) | {"loss": float(np.mean([image.row["loss"] for image in self.images]))}


def evaluate_segmentation(dataset, name, params):
    """Predict every test image with the network and those of its further seeds; write metrics, tables and pictures.

    The threshold is the one that training chose on validation.

    Parameters
    ----------
    dataset, name : str
    params : pipeline.params.Params
        `seed`, `inference`, `evaluation`, `train.loss` and the dataset's `split` are read.
    """
    model = load_trained(paths.model(dataset, name))
    records = held_out_records(dataset)
    folder = paths.report(dataset, name)
    pictures = fresh_folder(folder / "gallery")
    scores = _score(model, dataset, records, params, name, pictures)
    repeats = [
        _score(load_trained(path), dataset, records, params, f"{name}, seed {path.stem}").metrics
        for path in sorted(paths.repeats(dataset, name).glob("*.keras"))
    ]
    metrics = scores.metrics
    split = params.dataset(dataset).split
    detail = {"test_images": len(records), "unit": units(records, split.method, split.block)}
    detail |= {"threshold": model.card["threshold"], "tolerance": params.evaluation.tolerance}
    detail |= {"pixel_size_nm": read_info(paths.raw(dataset)).pixel_size_nm} | _detail(scores, params.seed)
    detail["repeats"] = {key: over_seeds([metrics[key], *(r[key] for r in repeats)]) for key in metrics if repeats}
    write_metrics(folder, metrics)
    write_detail(folder, detail)
    table = _write_tables(folder, scores, records)
    _write_panels(fresh_folder(folder / "panels"), table, model, dataset, records, params.inference)


def _score(model, dataset, records, params, title, pictures=None):
    """Predict and score all test images; fill the folder of `pictures`, if there is one."""
    pixel_size = read_info(paths.raw(dataset)).pixel_size_nm
    threshold, tolerance = model.card["threshold"], params.evaluation.tolerance
    images, histogram, reliability = [], Histogram(), Reliability()
    pictured = gallery.pictured(len(records)) if pictures else ()
    for position, record in enumerate(tqdm(records, desc=f"{title} on {dataset}", disable=None)):
        image, mask = open_image(dataset, record), open_mask(dataset, record)
        probability = model.segment(image, params.inference)
        histogram.add(mask, probability)  # first: it tells of a training that diverged
        reliability.add(mask, probability)
        images.append(score_image(record, mask, probability, threshold, tolerance, pixel_size))
        images[-1].row["loss"] = _loss(params.train.loss, mask, probability)
        if position in pictured:
            gallery.write_image(pictures, position, image)
            gallery.write_errors(pictures, position, mask, probability >= threshold)
    return TestScores(images, histogram, reliability)


def _loss(name, mask, probability):
    """The training loss of one whole image, from the probabilities that were scored."""
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)  # as Keras clips: one certain mistake is not an infinite loss
    logits = np.log(clipped) - np.log1p(-clipped)
    return float(LOSSES[name](mask[None, ..., None].astype(np.float32), logits[None, ..., None]))


def _detail(scores, seed):
    rows = [image.row for image in scores.images]
    trivial = overlap.trivial(sum((image.pixels for image in scores.images), overlap.Counts()))
    return {
        "trivial": {"iou": trivial["trivial_iou"], "dice": trivial["trivial_dice"]},
        "intervals": segmentation_intervals(scores.images, seed),
        "per_image": {key: quartiles(row[key] for row in rows) for key in DISTRIBUTIONS if key in rows[0]},
        "objects": _objects(scores.images),
        "probability": {
            "average_precision": curves.average_precision(scores.histogram),
            "auroc": curves.roc_area(scores.histogram),
            "ece": calibration.expected_calibration_error(scores.reliability.sums),
            "brier": calibration.brier_score(scores.reliability.sums),
        },
    }


def _objects(images):
    counts = sum((image.objects for image in images), instances.ObjectCounts())
    usual, strict = counts.at_50, counts.at_75
    detail = {"reference": counts.reference, "predicted": counts.predicted, "count_error": counts.count_error}
    detail |= {"precision": usual.precision, "recall": usual.recall, "f1": usual.f1}
    detail |= {"precision_75": strict.precision, "recall_75": strict.recall, "f1_75": strict.f1}
    detail |= {"pq": usual.pq, "sq": usual.sq, "rq": usual.rq}
    detail |= {"average_precision": average_precision(pd.concat(image.table for image in images))}
    return detail | {"splits": counts.splits, "merges": counts.merges}


def _write_tables(folder, scores, records):
    table = pd.DataFrame([image.row for image in scores.images])
    pictured = gallery.pictured(len(records))
    table["picture"] = [gallery.stem(n) if n in pictured else "" for n in range(len(table))]
    write_table(folder / "per_image.csv", table)
    write_table(folder / "per_object.csv", pd.concat(image.table for image in scores.images))
    pr, roc = curves.precision_recall(scores.histogram), curves.roc(scores.histogram)
    write_table(folder / "precision_recall.csv", curves.thinned(pr[["threshold", "precision", "recall"]]))
    write_table(folder / "roc.csv", curves.thinned(roc.replace(np.inf, np.nan)))
    write_table(folder / "reliability.csv", calibration.reliability_table(scores.reliability.sums))
    return table


def _write_panels(folder, table, model, dataset, records, settings):
    """Write pictures of the worst, the median and the best image, and what the attention gates see of them."""
    ranked, shown = table.sort_values(["dice", "image"]).index.tolist(), set()
    for number, (place, rank) in enumerate(_shown(len(ranked)), start=1):
        record = records[ranked[place]]
        image, mask = open_image(dataset, record), open_mask(dataset, record)
        safe = re.sub(r"[^\w.-]", "_", record["name"])
        name = f"{number}-{rank}-{safe}.png"
        prediction = model.segment(image, settings) >= model.card["threshold"]
        (folder / name).write_bytes(panel(image, mask, prediction))
        maps = {} if rank in shown else attention_maps(model, image, settings)  # of each rank the first
        shown.add(rank)
        if maps:
            (folder / f"attention-{name}").write_bytes(map_panel(image, {_title(gate): m for gate, m in maps.items()}))


def _shown(count):
    """Places in a ranking, the worst first, and what they are called: two of the worst, two in the middle, and the best.

    No image is shown twice: of few, the best and the worst go before the others.
    """
    middle, ranks = count // 2, {}
    for place, rank in ((count - 1, "best"), (0, "worst"), (middle, "median"), (1, "worst"), (middle + 1, "median")):
        if 0 <= place < count:
            ranks.setdefault(place, rank)
    return sorted(ranks.items())


def _title(gate):
    level = int(gate.removeprefix("attention_"))
    return f"gate {level + 1}" + (" (finest)" if level == 0 else "")
