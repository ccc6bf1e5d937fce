"""A model's card, for people."""

import json
import subprocess
from pathlib import Path

from pipeline.errors import UserError

METRICS = ("iou", "dice", "dice_per_image", "accuracy", "balanced_accuracy", "macro_f1", "auroc")


def describe(path, model):
    """Say what a model is, what it expects and how good it was.

    Parameters
    ----------
    path : path-like
        Of the ``.keras`` file.
    model : pipeline.inference.model.TrainedModel

    Returns
    -------
    str
        Lines of a name and a value.

    Raises
    ------
    UserError
        If the card lacks one of them.
    """
    try:
        return _described(Path(path), model.card)
    except KeyError as error:
        card = Path(path).with_suffix(".json")
        raise UserError(f"{card}: expected a card that says {error.args[0]}, received none; train the model again") from error


def _described(path, card):
    segmentation = card["task"] == "segmentation"
    size = card.get("pixel_size_nm")
    lines = {
        "model": str(path),
        "network": f"{card['network']}, {card['parameters']:,} weights, {card['precision']}, seed {card['seed']}",
        "finds": f"{card['classes'][1]} (every pixel)" if segmentation else ", ".join(card["classes"]),
        "expects": f"{'grey' if card['channels'] == 1 else 'RGB'} images, 8 or 16 bit{_brought(card)}",
        "pixel size": f"{size[0]:g} × {size[1]:g} nm" if size else "not known",
        "grey values": _intensity(card),
        "threshold": f"{card['threshold']:.3f}, of the best Dice on validation" if segmentation else "none, the likeliest class",
        "trained on": f"{card['name']} from {card['source']}{' (generated images)' if card.get('phantom') else ''}, "
        f"{card['epochs']} epochs, best {card['best_epoch']}, patches {card['patch_size'][0]} × {card['patch_size'][1]}",
        "licence of the data": card.get("licence") or "not stated",
        "citation": card.get("citation") or "not stated",
        "software": f"Keras {card['keras']} on {card['backend']}",
        "commit": _commit(path),
        "test scores": _scores(path),
    }
    width = max(map(len, lines))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines.items())


def _brought(card):
    if card["resize"] is None:
        return ", of any size"
    return f", brought to {card['resize'][0]} × {card['resize'][1]} pixels"


def _intensity(card):
    seen = card.get("intensity")
    if not seen:
        return "not recorded"
    pairs = zip(seen["mean"], seen["deviation"], strict=True)
    return "mean ± deviation " + ", ".join(f"{100 * m:.0f} ± {100 * d:.0f} %" for m, d in pairs) + " of the full range"


def _commit(path):
    """The commit that last changed the model's card. It is not in the card: the same training gives the same file."""
    command = ["git", "log", "-1", "--format=%h of %as", "--", path.with_suffix(".json").name]
    try:
        found = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        found = ""
    return found or "not in git"


def _scores(path):
    metrics = Path("reports", path.parent.name, path.stem, "metrics.json")
    try:
        found = json.loads((path.parent.parent.parent / metrics).read_text())
    except (OSError, ValueError):
        return f"not at hand ({metrics})"
    return ", ".join(f"{name} {found[name]:.3f}" for name in METRICS if found.get(name) is not None) + f" ({metrics})"
