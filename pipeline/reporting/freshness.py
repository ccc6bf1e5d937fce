"""Whether results are here, and whether they are of the data and settings that the project holds now.

``dvc.lock`` says what the stages of a data set read and made when they ran; ``reports/results/<dataset>.json`` says what
evaluation wrote.
"""

import hashlib
from pathlib import Path

import yaml

from pipeline import paths
from pipeline.atomic import read_json

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
    """Files of an evaluation, and folders of pictures, that are not here, as in a fresh clone: a list of str."""
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
    stages = lock.get("stages", {})
    evaluated, found = _checksums(stages, f"evaluate@{dataset}", "deps"), []
    for stage in MADE_BY:
        ran = stages.get(f"{stage}@{dataset}", {}).get("params", {})
        for key, before in ran.get(paths.PARAMS.name, {}).items():
            if key == "seed" or key.startswith(f"datasets.{dataset}."):
                found += _differences(key, before, _value(values, key))
        made = _checksums(stages, f"{stage}@{dataset}", "outs")
        found += [f"{path} was made anew" for path in made if made[path] != evaluated.get(path, made[path])]
    changed = [name for name, checksum in results["files"].items() if _checksum(name) != checksum]
    if changed:
        found.append(f"another run wrote {_listed(changed)}")
    unscored = [network for network in networks if network not in results["networks"]]
    if unscored:
        found.append(f"{_listed(unscored)} not evaluated yet")
    return list(dict.fromkeys(found))


def outdated_transfer(key, transfer, lock):
    """Which networks or images were made anew since a transfer scored them: a list of texts."""
    stages = lock.get("stages", {})
    scored = _checksums(stages, f"transfer@{key}", "deps")
    now = _checksums(stages, f"evaluate@{transfer.model}", "deps") | _checksums(stages, f"download@{transfer.images}", "outs")
    both = [path.as_posix() for path in (paths.trained_networks(transfer.model).parent, paths.raw(transfer.images))]
    return [f"{path} was made anew" for path in both if path in scored and path in now and scored[path] != now[path]]


def _differences(key, before, now):
    if isinstance(before, dict) and isinstance(now, dict):
        parts = dict.fromkeys([*before, *now])
        return [text for part in parts for text in _differences(f"{key}.{part}", before.get(part), now.get(part))]
    return [] if before == now else [f"{key} was {_text(before)} and is {_text(now)}"]


def _text(value):
    return "null" if value is None else str(value)


def _value(values, key):
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _checksums(stages, stage, kind):
    """What ``dvc.lock`` says of the dependencies ("deps") or the outputs ("outs") of a stage: dict by path."""
    return {entry["path"]: entry.get("md5") for entry in stages.get(stage, {}).get(kind, [])}


def _checksum(name):
    return hashlib.md5(Path(name).read_bytes(), usedforsecurity=False).hexdigest()


def _listed(names):
    more = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return ", ".join([*names[:SHOWN], *more])
