"""Write a network so that its bytes depend on the network alone."""

import json
import os
import zipfile

import keras

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that zip knows


def save(network, path):
    """Write a ``.keras`` file, whole or not at all.

    The same network gives the same file, which DVC then knows again. Keras writes three things that differ from run to
    run: the time of saving, once in ``metadata.json`` and once in the zip's directory, and in ``config.json`` the
    addresses in memory of objects that several layers share. Times are left out, addresses become 0, 1, 2, ...

    Parameters
    ----------
    network : keras.Model
        Of the functional interface. Saved without its optimizer, which would make the file three times as large.
    path : pathlib.Path
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    dated, partial = path.with_name(f".{path.stem}.part.keras"), path.with_name(f".{path.name}.part")
    try:
        # `include_optimizer=False` is not heard for this format: a model that was never compiled has no optimizer to save.
        keras.Model(network.input, network.output, name=network.name).save(dated)
        with zipfile.ZipFile(dated) as source, zipfile.ZipFile(partial, "w") as target:
            for name in source.namelist():
                content = source.read(name)
                if name.endswith(".json"):
                    content = json.dumps(_without_traces(json.loads(content), {}))
                target.writestr(zipfile.ZipInfo(name, EPOCH), content)
        os.replace(partial, path)
    finally:  # also where the disk is full
        for file in (dated, partial):
            file.unlink(missing_ok=True)


def _without_traces(value, numbers):
    """Copy parsed JSON without what tells when and where it was written; `numbers` maps addresses to their number."""
    if isinstance(value, list):
        return [_without_traces(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _without_traces(item, numbers) for key, item in value.items() if key != "date_saved"}
    if "shared_object_id" in copy:
        copy["shared_object_id"] = numbers.setdefault(copy["shared_object_id"], len(numbers))
    return copy
