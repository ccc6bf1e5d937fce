"""A model's card in plain lines, for `--describe`."""

import subprocess
from pathlib import Path

from pipeline.atomic import read_json
from pipeline.errors import counted
from pipeline.images.intensity import in_words
from pipeline.images.resize import resized_to
from pipeline.images.sections import context_of
from pipeline.images.stack import described


def card_summary(path, card, task_lines):
    """Say what the model at a path is, what it expects and how good it was.

    `task_lines`, a dict of str to str, is what its task adds. Raises KeyError if the card lacks an entry.
    """
    path, size = Path(path), card.get("pixel_size_nm")
    pretrained = {"trained_on": "your own file"} | card["pretrained"] if "pretrained" in card else None
    title = card.get("title", card["network"])
    if "members" in card:
        title = f"mean of {card['members']} networks, the first of them {title}"
    project, scores = _place(path)
    start = card.get("start")
    former = f"; continued from {start['file']} ({start['epochs'] or 'unknown'} epochs)" if start else ""
    # Of folds, each image is scored by one of them.
    of_what = f", all {card['folds']} folds" if "folds" in card else " of one alone" if "members" in card else ""
    resized = f", which it resizes {resized_to(card['resize'])}" if card["resize"] else ""
    epochs = counted(card["epochs"], "epoch")
    kind = described(card["channels"], card.get("colour"))
    sections = f", each with its {2 * context_of(card)} nearest sections" if context_of(card) else ""
    lines = {
        "model": str(path),
        "network": f"{title}, {card['parameters']:,} weights, {card['precision']}, seed {card['seed']}",
        **({"pretrained": "{name}: {trained_on}".format(**pretrained)} if pretrained else {}),
        **task_lines,
        "expects": f"{f'images of {kind}' if kind.endswith('channels') else f'{kind} images'} of any size{resized}{sections}",
        "pixel size": f"{size[0]:g} × {size[1]:g} nm" if size else "not known",
        "intensities": in_words(card["intensity_range"]),
        "trained on": f"{card['name']} from {card['source']}{' (generated images)' if card.get('phantom') else ''}, "
        f"{epochs} (epoch {card['best_epoch']} was kept), patches {card['patch_size'][0]} × {card['patch_size'][1]}{former}",
        "licence of the data": card.get("licence") or "not stated",
        "citation": card.get("citation") or "not stated",
        "software": f"Keras {card['keras']} on {card['backend']}",
        "commit": _commit(project, scores),
        f"test scores{of_what}": _headline(project, scores),
    }
    width = max(map(len, lines))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines.items())


def _place(path):
    """The project that a model lies in, and where it keeps the model's scores; those of a fold are the scores of all folds."""
    path = path.resolve()
    if path.stem.startswith("fold-"):
        path = path.parent.with_name(path.parent.name.removesuffix("_repeats"))
    return path.parent.parent.parent, Path("reports", path.parent.name, "metrics", f"{path.stem}.json")


def _commit(project, scores):
    """The commit that last changed the model's scores. The card cannot name it: equal trainings write equal files."""

    def git(*arguments):
        command = ["git", *arguments, "--", scores.as_posix()]
        return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=10, check=True).stdout.strip()

    try:
        found = git("log", "-1", "--format=%h of %as")
        return "not committed" if found and git("status", "--porcelain") else found or "not in git"
    except (OSError, subprocess.SubprocessError):
        return "not in git"


def _headline(project, scores):
    try:
        found = read_json(project / scores)
    except (OSError, ValueError):
        return f"none found ({scores})"
    numbers = {name: value for name, value in found.items() if isinstance(value, float | int)}  # `data` is a fingerprint
    return ", ".join(f"{name} {value:.3f}" for name, value in numbers.items()) + f" ({scores})"
