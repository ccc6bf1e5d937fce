"""Save a network so that its bytes depend on the network and its card alone."""

import json
import zipfile
from pathlib import Path

import keras

from pipeline import paths
from pipeline.atomic import whole, write_json

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold


def save(network, path, card=None):
    """Write a functional model as a ``.keras`` file, whole or not at all, without its optimizer, which would triple the size.

    The `card`, what prediction needs to know besides, goes into the file as a member that Keras ignores, and beside it as
    ``.json``, for people and for DVC.

    The same network and card give the same bytes, so that DVC recognises it. Keras writes three things that differ from run to
    run: the time of saving, in ``metadata.json`` and in the zip's directory, and the memory addresses of shared objects, in
    ``config.json``. The times are left out, and the addresses become 0, 1, 2, ...
    """
    with whole(path) as dated:
        # `include_optimizer=False` has no effect in this format, but a model that was never compiled has no optimizer.
        keras.Model(network.input, network.output, name=network.name).save(dated)
        with whole(dated) as canonical, zipfile.ZipFile(dated) as source, zipfile.ZipFile(canonical, "w") as target:
            for name in source.namelist():
                content = source.read(name)
                if name.endswith(".json"):
                    content = json.dumps(_canonical(json.loads(content), {}))
                target.writestr(zipfile.ZipInfo(name, EPOCH), content)
            if card is not None:
                target.writestr(zipfile.ZipInfo(paths.CARD, EPOCH), json.dumps(card, indent=2))
    if card is not None:
        write_json(Path(path).with_suffix(".json"), card)


def _canonical(value, addresses):
    """Copy parsed JSON without the date, and with a number for each address; `addresses` collects them."""
    if isinstance(value, list):
        return [_canonical(item, addresses) for item in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _canonical(item, addresses) for key, item in value.items() if key != "date_saved"}
    if "shared_object_id" in copy:
        copy["shared_object_id"] = addresses.setdefault(copy["shared_object_id"], len(addresses))
    return copy
