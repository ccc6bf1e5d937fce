"""Train one network on one data set, and write the model, its card and its learning curves."""

import itertools
import json
from contextlib import contextmanager

import keras

from pipeline import paths
from pipeline.atomic import whole, write_table
from pipeline.errors import UserError
from pipeline.images.sections import context_of, sections_seen
from pipeline.networks.common.cost import gigaflops
from pipeline.parallel import on_all_threads
from pipeline.patches.packed import load_card, load_packed
from pipeline.training.batches import Batches, Fresh, statistics
from pipeline.training.checkpoint import Checkpoint, training_key
from pipeline.training.devices import prepare
from pipeline.training.distributed import join
from pipeline.training.environment import environment
from pipeline.training.fit import fit
from pipeline.training.save import save
from pipeline.training.start import begun_from, go_on_from, learned_from, pretrained, tested_images


def train(dataset, network, task, params):
    """Train a network on the packed patches of a data set: on each fold, and again for `train.repeats` with the next seeds.

    `network` is a `pipeline.networks.Network`, `task` the ``training`` part of the network's task.
    """
    card = load_card(paths.patches(dataset))
    if card["task"] != network.task:
        raise UserError(f"{network.name} is a network for {network.task}; {dataset} is a data set for {card['task']}")
    team = join(params.train.devices)
    log, repeats = paths.training_log(dataset, network.name), paths.repeats(dataset, network.name)
    model = paths.model(dataset, network.name)
    tested = [tested_images(paths.patches(dataset, fold)) for fold in range(card.get("folds", 1))]
    formers = begun_from(network, params.train.start, dataset, tested)
    seeds = range(params.seed, params.seed + params.train.repeats)
    if team.leads:
        with whole(log) as folder:
            folder.mkdir()
        with whole(repeats) as folder:
            folder.mkdir()
            # Also without any further seed: DVC warns of an empty folder.
            (folder / "seeds.json").write_text(json.dumps(list(seeds)[1:]) + "\n")
    checkpoints = []
    for seed, (fold, former) in itertools.product(seeds, enumerate(formers)):
        name = "-".join([str(seed)] * (seed != params.seed) + [f"fold-{fold}"] * (fold > 0))
        first = not name
        files = (model, log / "curves.csv") if first else (repeats / f"{name}.keras", repeats / f"{name}.csv")
        table, checkpoint = _train_one(dataset, network, task, params, seed, fold, former, *files, team)
        checkpoints.append(checkpoint)
        if first and table is not None:
            write_table(log / "threshold.csv", table)
    for checkpoint in checkpoints if team.leads else ():  # not before: DVC removes all models if a later one is interrupted
        checkpoint.remove()


def _train_one(dataset, network, task, params, seed, fold, former, model, curves, team):
    """Train with one seed on one fold, starting from `former` if there is one; return the table of thresholds, the checkpoint."""
    precision = prepare(seed, params.train.precision)
    folder, settings = paths.patches(dataset, fold), network.settings.training(params.train)
    card = load_card(folder)
    card |= network.settings.seen(card, f"{network.name}.context") | {"tested": tested_images(folder)}
    training, validation = (load_packed(folder, split, context_of(card)) for split in ("train", "val"))
    card |= task.facts(params, card, training)
    weights, origin = pretrained(network)
    deciding = {"seed": seed, "precision": precision, "classes": card["classes"]} | _deciding(network, params)
    key = training_key(folder, deciding, [file for file in (weights, former) if file])
    checkpoint = Checkpoint(paths.checkpoint(dataset, network.name, key))
    mean, variance = statistics(training.images)
    facts = {"mean": mean, "variance": variance, "seed": seed, "pretrained": weights}
    with team.together():
        trained = network.build_for(card, **facts)
        _check_outputs(trained, task.outputs(card), network, card)
        card |= go_on_from(former, trained, network.name) if former else {}
        parameters = trained.count_params()
        told = [f"{network.title} on {dataset}: {parameters:,} weights", f"{len(training.images):,} patches", precision]
        told += [f"seed {seed}", f"fold {fold} of {card['folds']}" if "folds" in card else None]
        told += [origin and f"pretrained: {origin['name']}", former and f"continuing from {former}"]
        told += [f"{team.devices} devices in each of {team.processes} processes" if team.size > 1 else None]
        print(", ".join(filter(None, told)), flush=True)
        drawn = {"shuffle": True, "flips": settings.flips, "balanced": task.balanced(params), "sections": sections_seen(card)}
        with _augmented_anew(params.augment, card) as fresh:
            batches = Batches(training, settings.batch_size, seed, team=team, fresh=fresh, **drawn)
            held = Batches(validation, settings.batch_size, team=team)
            epochs = fit(trained, batches, held, task.loss(params, card), task.metric(card), settings, curves, checkpoint)
    if not team.leads:
        return None, checkpoint
    if team.size > 1:  # what follows is for this process alone
        values = trained.get_weights()
        prepare(seed, precision)
        trained = network.build_for(card, **facts)
        trained.set_weights(values)
    chosen, table = task.choose(trained, dataset, card)
    card |= {"network": network.name, "title": network.title, "network_citation": network.citation}
    card |= {"precision": precision, "monitor": settings.monitor, "parameters": parameters} | epochs | chosen
    card["gflops"] = round(gigaflops(trained, card["patch_size"]), 6)  # of one patch
    card |= {"seed": seed, "keras": keras.__version__, "backend": keras.backend.backend(), "environment": environment()}
    if others := [name for name in learned_from(former or weights) if name != dataset]:
        card["learned_from"] = others
    if origin and not former:  # whose weights have taken their place
        card["pretrained"] = origin
    save(trained, model, card)
    return table, checkpoint


@contextmanager
def _augmented_anew(augment, card):
    """Yield what augments the patches in each epoch, on all threads; None if ``augment.when`` asks for something else."""
    if augment.when != "epoch":
        yield None
        return
    with on_all_threads() as map_in_order:
        yield Fresh(augment, tuple(card["patch_size"]), map_in_order)


def _deciding(network, params):
    """The settings that decide what a training does: with other ones, a checkpoint belongs to another training."""
    return {
        "network": network.name,
        "own": network.settings.model_dump(),
        "train": network.settings.training(params.train).model_dump(),
        "augment": params.augment.model_dump() if params.augment.when == "epoch" else None,
        "task": getattr(params, network.task).model_dump(exclude={"tolerance"}),  # which only `evaluate` reads
    }


def _check_outputs(trained, wanted, network, card):
    received = trained.output.shape[-1]
    if received != wanted:
        raise UserError(
            f"{network.name}: expected {wanted} logits for the classes {', '.join(card['classes'])} of {card['name']}, received "
            f"{received}; let `build` take `classes` and end in blocks.logits, as pipeline/networks/unet.py does"
        )
