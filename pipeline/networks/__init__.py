"""The networks: one module each, found by its name.

A network's module has ``TITLE``, ``CITATION`` and ``TASK`` ("segmentation" or "classification"); ``Settings``, the keys of its
section in ``params.yaml``; and ``build``, which returns a `keras.Model` that ends in logits. `Network.build` passes the settings
and the facts about the images that the signature of ``build`` names. If it ends in ``**start``, that holds the arguments of
`pipeline.networks.common.halves.first_half`.

A network with deep supervision or auxiliary classifiers sets the attribute ``supervised`` of its model: a list of pairs of logits
and weights. Training then minimises the weighted sum of their losses instead of the loss of the output. The saved network keeps
only what its output needs.
"""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from pipeline import paths
from pipeline.errors import UserError
from pipeline.images.sections import channels_seen, context_of
from pipeline.networks.common.settings import NONE, NetworkSettings
from pipeline.params import network_names
from pipeline.params.messages import check


@dataclass(frozen=True)
class Network:
    """A network with its settings. Its name is that of its module, of its section in ``params.yaml`` and of its files."""

    name: str
    title: str
    citation: str
    task: str
    settings: NetworkSettings
    builder: Callable

    def build(self, **images):
        """Build a model (N, H, W, channels), float32 in [0, 1] → logits, from facts about the images.

        These are ``channels`` (of all sections together), ``context`` (neighbouring sections on each side), ``classes`` (their
        number), ``size`` (rows and columns of a patch), ``mean`` and ``variance`` (of each channel, in [0, 1] units), ``seed``,
        ``pretrained`` (a weights file, or None).
        """
        return self.builder(**arguments(self.builder, self.settings.model_dump() | images))

    def build_for(self, card, **images):
        """Build a model for patches or a trained model with a card, from the other facts that `build` takes."""
        facts = {"channels": channels_seen(card), "context": context_of(card), "classes": len(card["classes"])}
        return self.build(**facts, size=card["patch_size"], **images)


def arguments(builder, known):
    """Pick the settings and facts that a builder's signature names: a dict."""
    from pipeline.networks.common.halves import first_half  # imports Keras, as every builder does

    wanted = {*inspect.signature(builder).parameters}
    if "start" in wanted:
        behind = inspect.signature(first_half).parameters.values()
        wanted |= {one.name for one in behind if one.kind is one.KEYWORD_ONLY}
    return {name: value for name, value in known.items() if name in wanted}


def load(name, params):
    """Import a network's module, and with it Keras, and check its section of ``params.yaml``: `Network`.

    Raises a UserError if no network has that name, or its section has a mistake.
    """
    if name not in network_names():
        raise UserError(f"{name} is not a network; the networks are: {', '.join(network_names())}")
    module = importlib.import_module(f"pipeline.networks.{name}")
    own = {key: value for key, value in params.networks.get(name, {}).items() if key != "datasets"}
    settings = check(module.Settings, own, paths.PARAMS, name)
    encoder = getattr(settings, "encoder", NONE)
    title = module.TITLE if encoder == NONE else f"{module.TITLE} on {encoder}"
    return Network(name, title, module.CITATION, module.TASK, settings, module.build)
