"""The pretrained weights of a network, as the stage `weights` left them."""

from pipeline import paths
from pipeline.atomic import read_json
from pipeline.errors import UserError


def pretrained(network):
    """Find the weights that a network's settings ask for: the path of the file, and where it comes from; None and None if none.

    Nothing is fetched. Raises a UserError if the folder holds other weights, or there is none.
    """
    settings = network.settings
    asked = getattr(settings, "encoder_weights", None) or getattr(settings, "weights", None)
    if asked is None:
        return None, None
    folder = paths.weights(network.name)
    known = folder / paths.ORIGIN
    origin = read_json(known) if known.exists() else {"asked": None, "encoder": None}
    encoder = getattr(settings, "encoder", network.name)
    if (origin["asked"], origin["encoder"]) != (asked, encoder):
        found = f"those of {origin['encoder']}, {origin['asked']}" if origin["asked"] else "none"
        raise UserError(f"{folder}: expected the weights {asked} of {encoder}, found {found}; `dvc repro weights` fetches them")
    return folder / origin["file"], {key: value for key, value in origin.items() if key not in ("asked", "file")}
