"""Whether results are here, and whether they are of the data and settings that the project holds now.

``dvc.lock`` says what the stages of a data set read and made when they ran; ``reports/results/<dataset>.json`` says what
evaluation wrote.
"""

from pathlib import Path

import yaml

from pipeline import paths
from pipeline.atomic import digest, read_json
from pipeline.errors import listed
from pipeline.params.fields import number

SHOWN = 3  # names of a list, at most
MADE_BY = ("download", "patchify")  # the stages that make the images and the split


def read_yaml(path):
    """Read ``params.yaml`` or ``dvc.lock`` as plain values; {} if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}
    except (FileNotFoundError, yaml.YAMLError):  # a kill can leave dvc.lock cut; DVC reports it
        return {}


def missing(results):
    """List the files and picture folders of an evaluation that are missing, as in a fresh clone."""
    dataset = results["dataset"]
    pictures = [paths.preview(dataset), *(paths.details(dataset, network) / "gallery" for network in results["networks"])]
    audit = paths.audit(dataset)
    if audit.exists() and any(read_json(audit)[kind] for kind in ("identical", "near")):
        pictures.append(paths.leakage(dataset, "png"))
    wanted = [*results["files"], audit.as_posix(), *(path.as_posix() for path in pictures)]
    return [name for name in wanted if not Path(name).exists()]


def outdated(dataset, results, networks, values, lock):
    """Say in what the results of a data set differ from the project as it is now: a list of texts, empty if in nothing.

    `results` are its ``reports/results/<dataset>.json``, `networks` those that are trained on it now, `values` and `lock` what
    `read_yaml` gives of ``params.yaml`` and ``dvc.lock``.
    """
    stages, scored = lock.get("stages", {}), results["networks"]
    found = _changed(stages, f"evaluate@{dataset}", _made(stages, dataset, scored), _images_now(stages, dataset), values)
    changed = [name for name, checksum in results["files"].items() if digest(name, "md5") != checksum]
    if changed:
        found.append(f"another run wrote {listed(changed, SHOWN)}")
    for names, what in (
        ([network for network in networks if network not in scored], "not evaluated yet"),
        ([network for network in scored if network not in networks], "no longer trained on it"),
    ):
        found += [f"{listed(names, SHOWN)} {what}"] if names else []
    return list(dict.fromkeys(found))


def outdated_transfer(key, transfer, networks, values, lock):
    """Say how a transfer of some networks differs from the project as it is now, as `outdated` does for a data set."""
    stages = lock.get("stages", {})
    evaluated = (_checksums(stages, f"evaluate@{dataset}", "deps") for dataset in (transfer.model, transfer.images))
    now = {path: md5 for some in (*evaluated, _images_now(stages, transfer.images)) for path, md5 in some.items()}
    split = paths.patches(transfer.images) / "split.csv"  # dvc.lock knows its folder as a whole
    now |= {split.as_posix(): digest(split, "md5")} if split.exists() else {}
    read = [paths.trained_networks(transfer.model).parent, paths.raw(transfer.images), paths.audit(transfer.images), split]
    known = {path: now[path] for path in map(Path.as_posix, read) if path in now}
    behind = [*_made(stages, transfer.model, networks), *_made(stages, transfer.images, [])]
    found = _changed(stages, f"transfer@{key}", behind, known, values)
    return list(dict.fromkeys(found))


def _made(stages, dataset, networks):
    """Names of the stages that made the images of a data set, their split, and some networks."""
    models = {paths.model(dataset, network).as_posix() for network in networks}
    trained = [name for name in stages if models & _checksums(stages, name, "outs").keys()]
    return [*(f"{stage}@{dataset}" for stage in MADE_BY), *trained]


def _images_now(stages, dataset):
    """Checksums of the images of a data set and of their split, as the last run of their stages made them."""
    return {path: md5 for stage in MADE_BY for path, md5 in _checksums(stages, f"{stage}@{dataset}", "outs").items()}


def _changed(stages, stage, behind, now, values):
    """What has changed since a stage ran: params that it and the stages `behind` it read, and files that are other `now`."""
    ran = [stages.get(name, {}).get("params", {}).get(paths.PARAMS.name, {}) for name in (*behind, stage)]
    found = [text for known in ran for key, before in known.items() for text in _differences(key, before, _value(values, key))]
    read = _checksums(stages, stage, "deps")
    return found + [f"{path} has changed since" for path, md5 in now.items() if read.get(path, md5) != md5]


def _differences(key, before, now):
    if isinstance(before, dict) and isinstance(now, dict):
        parts = dict.fromkeys([*before, *now])
        return [text for part in parts for text in _differences(f"{key}.{part}", before.get(part), now.get(part))]
    return [] if number(before) == number(now) else [f"{key} was {_text(before)} and is {_text(now)}"]


def _text(value):
    return "null" if value is None else str(value)


def _value(values, key):
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _checksums(stages, stage, kind):
    """What ``dvc.lock`` says of the dependencies ("deps") or the outputs ("outs") of a stage: dict by path."""
    return {entry["path"]: entry.get("md5") for entry in stages.get(stage, {}).get(kind, [])}
