"""Make ``data/weights/<network>/`` for each network: the weights that its settings ask for, and where they come from."""

import shutil
from pathlib import Path

from pipeline import paths
from pipeline.atomic import digest, read_json, whole, write_json
from pipeline.errors import UserError
from pipeline.params.messages import did_you_mean
from pipeline.weights.published import PUBLISHED

NOTHING = {"asked": None}


def make(networks):
    """Fetch the weights of all networks, and return a line for each that has any.

    A file that is there and unchanged is kept, so an offline clone fetches nothing that `dvc pull` has brought. Weights that no
    network asks for any more are removed.

    Parameters
    ----------
    networks : dict of str to dict
        The section of each network, as `params.yaml` has it.

    Raises
    ------
    UserError
        One line for each network whose settings name no weights; or if a file cannot be fetched.
    """
    wanted, mistakes = {}, []
    for network, section in networks.items():
        try:
            wanted[network] = _wanted(network, section)
        except UserError as error:
            mistakes.append(str(error))
    if mistakes:
        raise UserError("\n".join(mistakes))
    root = paths.weights("")
    root.mkdir(parents=True, exist_ok=True)
    for folder in filter(Path.is_dir, root.iterdir()):
        if folder.name not in networks:
            shutil.rmtree(folder)
    return [line for network, weights in wanted.items() if (line := _bring(paths.weights(network), *weights))]


def _wanted(network, section):
    """Find what a section asks for: the encoder, the name or path of its weights, and their source; three Nones for nothing.

    A network with ``weights`` and without ``encoder`` is an encoder itself.
    """
    key = "weights" if "weights" in section else "encoder_weights"
    asked, encoder = section.get(key), section.get("encoder", network if key == "weights" else None)
    if asked is None:
        return None, None, None
    where = f"{network}.{key}"
    if not isinstance(encoder, str) or encoder not in PUBLISHED:
        received = f"received {encoder}" if "encoder" in section else "which is not stated"
        raise UserError(f"{where}: {asked} needs {network}.encoder to be one of {', '.join(PUBLISHED)}, {received}")
    known = PUBLISHED[encoder]
    file = Path(str(asked)).expanduser()
    if isinstance(asked, str):
        if asked in known:
            return encoder, asked, known[asked]
        if file.resolve().is_relative_to(paths.trained_networks("").parent.resolve()):
            raise UserError(f"{where}: {asked}: copy it out of models/: a later run would begin with what this one trains")
        before = _read(paths.weights(network))
        if file.is_file() or (before.get("asked"), before.get("encoder")) == (asked, encoder):
            return encoder, asked, file
        if file.suffix or len(file.parts) > 1:
            raise UserError(f"{where}: {asked}: no such file")
    what = f"null, a name or the path of a file for {encoder}"
    raise UserError(f"{where}: expected {what}, received {asked!r}{did_you_mean(asked, known)}")


def _bring(folder, encoder, asked, source):
    """Put into `folder` what is asked for, and say what that is; None if nothing."""
    if asked is None:
        _write(folder, NOTHING)
        return None
    before = _read(folder)
    told = {"asked": asked, "encoder": encoder}
    told |= {"name": asked, "file": source.name} if isinstance(source, Path) else source.origin()
    kept = folder / told["file"]
    unchanged = kept.is_file() and before.get("sha256") == digest(kept) and told.items() <= before.items()
    if isinstance(source, Path) and source.is_file():  # another computer may have the copy alone
        unchanged = unchanged and digest(source) == before["sha256"]
    if not unchanged:
        _write(folder, told, source)
    origin = _read(folder)
    return f"{folder}: {origin['name']}, {origin['size']:,} bytes, {origin.get('licence', 'your own file')}"


def _write(folder, told, source=None):
    if source is None and _read(folder) == told and len([*folder.iterdir()]) == 1:
        return
    with whole(folder) as part:
        part.mkdir()
        if source is not None:
            file = part / told["file"]
            if isinstance(source, Path):
                shutil.copyfile(source, file)
            else:
                source.bring(file)
            told = told | {"size": file.stat().st_size, "sha256": digest(file)}
        write_json(part / paths.ORIGIN, told)


def _read(folder):
    known = folder / paths.ORIGIN
    return read_json(known) if known.is_file() else {}
