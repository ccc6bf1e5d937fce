"""Which networks were trained on a data set: one, or one for each fold, and the same again for each further seed."""

from pipeline import paths
from pipeline.atomic import read_json


def open_trained(dataset, network):
    """Paths of all networks of a kind, fold after fold, by their seed: dict of list. The seed of the model comes first."""
    files = [paths.model(dataset, network), *sorted(paths.repeats(dataset, network).glob("*.keras"))]
    cards = [read_json(file.with_suffix(".json")) for file in files]
    by_seed = {}
    for file, card in zip(files, cards, strict=True):
        by_seed.setdefault(card["seed"], {})[card.get("fold", 0)] = file
    return {seed: [of_fold[fold] for fold in sorted(of_fold)] for seed, of_fold in by_seed.items()}
