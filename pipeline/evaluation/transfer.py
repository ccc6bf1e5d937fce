"""Score the networks of one data set on all images of another one, on which they were not trained."""

import shutil

from pipeline import paths
from pipeline.atomic import read_json, write_json
from pipeline.datasets.layout import read_info
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import open_trained, rounded, titles_of, write_headline, write_no_headline
from pipeline.evaluation.test_split import count_shared, fingerprint, independent_units, open_every_image


def transfer(model, images, networks, task, params):
    """Score networks on another data set; write the headline of each, and what the report says of all.

    The networks of all folds predict as one: no image is of their training. Of several seeds, the first is scored. `model` is the
    data set on which the networks were trained, `images` the one on which they are scored, and `task` the ``evaluation`` part of
    the task of both. Of `params`, `seed`, `inference` and `segmentation` are read.
    """
    from pipeline.inference.ensemble import load_all

    key, info, records = f"{model}-on-{images}", read_info(paths.raw(images)), open_every_image(images)
    unit = independent_units(records, read_json(paths.audit(images)))
    data, shared = fingerprint(images, records), count_shared(images, records, model)
    shutil.rmtree(paths.transfer_metrics(key), ignore_errors=True)
    paths.transfer_metrics(key).mkdir(parents=True)
    if not networks:
        write_no_headline(paths.transfer_metrics(key))
    found, titles = {}, titles_of(model, networks)
    for name, title in titles.items():
        of_folds, *_ = open_trained(model, name).values()
        trained = load_all(of_folds)
        _refuse_other_images(f"transfers.{key}", trained.card, info)
        scores = task.score([trained], images, records, params, f"{title} of {model}")
        write_headline(paths.transfer_metrics(key, name), scores.metrics, task, data)
        leading = {"score": scores.metrics[task.LEADING], "interval": task.intervals(scores, params.seed)[task.LEADING]}
        found[name] = {"title": title, "folds": len(of_folds)} | leading
        if images in trained.card.get("learned_from", []):
            found[name]["began_there"] = True
            print(f"warning: {key}: {title} began with a model of {images}; its score is too good", flush=True)
    facts = {"model": model, "images": images, "task": info.task, "metric": task.LEADING, "phantom": info.phantom}
    counts = {"count": len(records), "shared": shared, "unit": unit}
    write_json(paths.transferred(key), rounded(facts | counts | {"networks": found}))


def _refuse_other_images(key, card, info):
    """Raise a `UserError` if a network cannot be scored on a data set: its card and ``dataset.json`` differ."""
    both = {"task": (card["task"], info.task), "channels": (card["channels"], info.channels)}
    trained, received = list(card["classes"]), list(info.classes)
    if card["task"] == "classification":  # told by their names, in any order
        both["classes"] = sorted(trained), sorted(received)
    elif len(trained) > 2 or len(received) > 2:  # of two, the second is the foreground, whatever its name
        both["classes"] = trained, received
    for what, (expected, other) in both.items():
        if expected != other:
            raise UserError(f"{key}: expected {what} {expected} as in training, received {other} from {info.name}")
