"""Train one network on one dataset, and write the model, its card and its curves."""

import json

import keras

from pipeline import paths
from pipeline.errors import UserError
from pipeline.images.packed import load_card, load_packed
from pipeline.training.batches import statistics
from pipeline.training.devices import prepare
from pipeline.training.fit import fit


def train(dataset, name, kind, build, loss, metric, params, choose=None):
    """Train a network on the packed patches of a dataset.

    Parameters
    ----------
    dataset, name : str
        As in the file names: ``models/<dataset>/<name>.keras``.
    kind : {"segmentation", "classification"}
        What the network is for; a dataset of the other kind is refused.
    build : callable
        ``build(card, mean, variance)`` → keras.Model that returns logits; `card` is the dataset's description.
    loss, metric : as `pipeline.training.fit.fit` takes them
    params : pipeline.params.Params
    choose : callable, optional
        ``choose(network, val)`` → dict of what else validation chooses, for the model card.
    """
    precision = prepare(params.seed, params.train.precision)
    folder = paths.patches(dataset)
    card, training, validation = load_card(folder), load_packed(folder, "train"), load_packed(folder, "val")
    if card["kind"] != kind:
        raise UserError(f"{name}: expected a dataset for {kind}, received {dataset}, one for {card['kind']}")
    network = build(card, *statistics(training.images))
    weights = network.count_params()
    print(f"{name} on {dataset}: {weights:,} weights, {len(training.images):,} patches, {precision}", flush=True)
    curves = paths.report(dataset, name) / "curves.csv"
    epochs = fit(network, training, validation, loss, metric, params.train, params.network(name).lr_scale, params.seed, curves)
    chosen = choose(network, validation) if choose else {}
    card |= {"network": name, "precision": precision, "parameters": weights} | epochs | chosen
    card |= {"seed": params.seed, "keras": keras.__version__, "backend": keras.backend.backend()}
    paths.model(dataset, name).parent.mkdir(parents=True, exist_ok=True)
    network.save(paths.model(dataset, name), include_optimizer=False)
    paths.model_card(dataset, name).write_text(json.dumps(card, indent=2) + "\n")
