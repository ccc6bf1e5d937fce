"""Train one network on one dataset, and write the model, its card and its curves."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras

from pipeline import paths
from pipeline.errors import UserError
from pipeline.patches.packed import load_card, load_packed
from pipeline.training.batches import statistics
from pipeline.training.checkpoint import Checkpoint, training_key
from pipeline.training.devices import prepare
from pipeline.training.fit import fit
from pipeline.training.hosts import join
from pipeline.training.save import save


@dataclass(frozen=True)
class Task:
    """What a kind of network adds to the common path of training.

    Attributes
    ----------
    kind : {"segmentation", "classification"}
        A dataset of the other kind is refused.
    build : callable
        ``build(card, seed, mean, variance)`` → keras.Model that returns logits; `card` is the dataset's description.
    loss : callable or keras.losses.Loss
    metric : callable
        Without arguments → keras.metrics.Metric, a fresh one for each network.
    choose : callable, optional
        ``choose(network, val)`` → what else validation chooses: a dict for the model card, and the table that it was
        chosen from (pandas.DataFrame).
    files : sequence of path-like, optional
        What else training reads: a checkpoint of other contents is not gone on from.
    """

    kind: str
    build: Callable
    loss: Callable
    metric: Callable
    choose: Callable | None = None
    files: Sequence = ()


def train(dataset, name, task, params):
    """Train a network on the packed patches of a dataset, and again for each of `train.repeats` with the next seed.

    Parameters
    ----------
    dataset, name : str
        As in the file names: ``models/<dataset>/<name>.keras``.
    task : Task
    params : pipeline.params.Params
    """
    team = join(params.train.devices)
    model, curves = paths.model(dataset, name), paths.report(dataset, name) / "curves.csv"
    chosen_from, *checkpoints = _train_one(dataset, name, task, params, params.seed, model, curves, team)
    if chosen_from is not None:
        chosen_from.to_csv(curves.with_name("threshold.csv"), index=False, float_format="%.6g")
    repeats = paths.repeats(dataset, name)
    seeds = range(params.seed + 1, params.seed + params.train.repeats)
    if team.leads:
        shutil.rmtree(repeats, ignore_errors=True)
        repeats.mkdir(parents=True)
        (repeats / "seeds.json").write_text(json.dumps(list(seeds)) + "\n")  # also without any: DVC warns of an empty folder
    for seed in seeds:
        _, checkpoint = _train_one(dataset, name, task, params, seed, repeats / f"{seed}.keras", repeats / f"{seed}.csv", team)
        checkpoints.append(checkpoint)
    for checkpoint in checkpoints if team.leads else ():  # not before: DVC removes all models when a later seed was interrupted
        checkpoint.remove()


def _train_one(dataset, name, task, params, seed, model, curves, team):
    precision = prepare(seed, params.train.precision)
    folder = paths.patches(dataset)
    card, training, validation = load_card(folder), load_packed(folder, "train"), load_packed(folder, "val")
    if card["task"] != task.kind:
        raise UserError(f"{name}: expected a dataset for {task.kind}, received {dataset}, one for {card['kind']}")
    mean, variance = statistics(training.images)
    own = params.network(name)
    settings = params.training(name)
    deciding = {"network": name, "seed": seed, "precision": precision, "train": settings.model_dump(), "own": own.model_dump()}
    key = training_key(folder, deciding, task.files)
    checkpoint = Checkpoint(paths.checkpoint(dataset, name, key))
    with team.together():
        network = task.build(card, seed, mean, variance)
        weights = network.count_params()
        print(_heading(dataset, name, weights, len(training.images), precision, seed, team), flush=True)
        epochs = fit(
            network, training, validation, task.loss, task.metric(), settings, own.lr_scale, seed, curves, checkpoint, team
        )
    if not team.leads:
        return None, checkpoint
    if team.size > 1:  # what follows is for this process alone
        weights_of_all = network.get_weights()
        prepare(seed, precision)
        network = task.build(card, seed, mean, variance)
        network.set_weights(weights_of_all)
    chosen, table = task.choose(network, validation) if task.choose else ({}, None)
    card |= {"network": name, "precision": precision, "monitor": settings.monitor, "parameters": weights} | epochs | chosen
    # What prediction holds a new image against, in [0, 1] units.
    card |= {"intensity": {"mean": mean, "deviation": [v**0.5 for v in variance]}}
    card |= {"seed": seed, "keras": keras.__version__, "backend": keras.backend.backend()}
    save(network, model)
    model.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n")
    return table, checkpoint


def _heading(dataset, name, weights, patches, precision, seed, team):
    """The line with which a training begins."""
    devices = f", {team.devices} devices in each of {team.processes} processes" if team.size > 1 else ""
    return f"{name} on {dataset}: {weights:,} weights, {patches:,} patches, {precision}, seed {seed}{devices}"
