"""Several trained networks that predict as one: those of other folds or seeds, or of another kind.

Networks that were trained separately make different errors. Their mean is more accurate and better calibrated than each of them,
and their disagreement shows where not to trust it (Lakshminarayanan et al. 2017, arXiv 1612.01474).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.images.intensity import BY_IMAGE, change_of_range
from pipeline.images.sections import context_of, ranges_seen
from pipeline.inference.model import TrainedModel, load_trained

ALIKE = ("task", "classes", "channels", "resize")  # entries of the cards that must be the same
THRESHOLDS = ("threshold", "threshold_flips")


@dataclass(frozen=True)
class Ensemble(TrainedModel):
    """Networks whose probabilities are averaged, with the mean of their thresholds.

    The card is that of the first network, except for what concerns all of them.
    """

    members: tuple = ()  # of `TrainedModel`
    converts: bool = True  # images to the range of each member

    def taking_any_range(self):
        return replace(self, converts=False)

    @cached_property
    def align(self):
        return max(member.align for member in self.members)  # poolings halve, so it is a multiple of the others

    def _as_scaled_by(self, member, image):
        """Rescale an image from the common range to that of a member: each fold has measured its own training images."""
        if not self.converts:
            return image
        gain, offset = change_of_range(ranges_seen(self.card), ranges_seen(member.card))
        return np.clip(image * np.float32(gain) + np.float32(offset), 0, 1)


def ensemble(members, names=None):
    """Make one model of several `TrainedModel`. Raises a `UserError`, with their `names`, if they do not fit together."""
    names = names or [member.card["network"] for member in members]
    cards = [member.card for member in members]
    for name, card in zip(names, cards, strict=True):
        both = {key: (cards[0][key], card[key]) for key in ALIKE} | {"context": (context_of(cards[0]), context_of(card))}
        for key, (expected, received) in both.items():
            if expected != received:
                raise UserError(f"{name}: expected {key} {expected} as {names[0]} has, received {received}")
        if (card["intensity_range"] == BY_IMAGE) != (cards[0]["intensity_range"] == BY_IMAGE):
            raise UserError(f"{name}: expected intensities to be scaled as for {names[0]}: each image by itself, or all alike")
    joined = cards[0] | _intensities(cards) | {"members": len(members)}
    joined |= {key: float(np.mean([card[key] for card in cards])) for key in THRESHOLDS if key in joined}
    for key, older in (("separation", "components"), ("smallest", 1)):
        if key in joined:
            choices = sorted(card.get(key, older) for card in cards)
            joined[key] = choices[len(choices) // 2]  # what most of them chose, or the middle
    return Ensemble(members[0].network, joined, tuple(members))


def load_all(paths):
    """Load one model, or several as one (see `load_trained`)."""
    members = [load_trained(path) for path in paths]
    return members[0] if len(members) == 1 else ensemble(members, [str(Path(path)) for path in paths])


def _intensities(cards):
    """Find the range that includes those of all cards, so that none is clipped, and express in it what was seen in training."""
    seen, ours = np.array([card["intensity_seen"] for card in cards], float), cards[0]["intensity_range"]
    if ours != BY_IMAGE:
        lows, highs = np.moveaxis(np.array([card["intensity_range"] for card in cards], float), -1, 0)  # (cards, C)
        low, high = lows.min(axis=0), highs.max(axis=0)
        ours = np.stack([low, high], axis=-1).tolist()
        seen *= ((highs - lows) / (high - low))[:, None, None]
        seen[:, :, :-1] += ((lows - low) / (high - low))[:, None, None]  # the last is the contrast, a difference of quantiles
    extremes = [seen[:, 0].min(axis=0), seen[:, 1].max(axis=0)]
    return {"intensity_range": ours, "intensity_seen": np.stack(extremes).tolist()}
