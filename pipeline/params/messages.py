"""Report mistakes in the params, one line each: the key, what is allowed, what was received."""

import difflib
import re

from pydantic import ValidationError

from pipeline.errors import UserError

# Phrases of pydantic's messages, and plainer ones.
PLAINER = {
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "more than",
    "a valid boolean": "true or false",
    "a valid integer": "an integer",
    "a valid": "a",
    ", (unable to parse|got a number).*": "",
}


def check(model, values, path, section=""):
    """Turn plain values into a section, an instance of the class `model`.

    Raises a `UserError` that names the file at `path` and, below the key `section`, that of each mistake.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [_line(model, mistake, section) for mistake in error.errors()]
        raise UserError("\n".join(f"{path}: {line}" for line in dict.fromkeys(lines))) from error


def advice(mistake):
    """Say what pydantic expected and what it received instead, without the key."""
    message = mistake["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    message = "keys and values" if mistake["type"] in ("dict_type", "model_type") else message
    for theirs, ours in PLAINER.items():
        message = re.sub(theirs, ours, message)
    return message if mistake["type"] == "value_error" else f"expected {message}, received {mistake['input']!r}"


def did_you_mean(name, known):
    """End a message about an unknown name: suggest the most similar known one, or list all of them."""
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; known here: {', '.join(known)}"


def _line(model, mistake, section):
    # The validators of unions and pairs add their own names to the location: only keys and positions are the user's.
    unknown = mistake["type"] == "extra_forbidden"
    *above, last = mistake["loc"] or [""]
    location = [part for part in above if re.fullmatch(r"[\w-]+", str(part))]
    if unknown or re.fullmatch(r"[\w-]+", str(last)):
        location.append(last)
    key = ".".join(str(part) for part in [*([section] if section else []), *location])
    if unknown:
        return f"{key}: unknown key{did_you_mean(str(location[-1]), _known_keys(model, location[:-1]))}"
    if mistake["type"] == "missing":
        return f"{key}: missing key"
    return f"{key}: {advice(mistake)}" if key else advice(mistake)


def _known_keys(model, location):
    for part in location:
        if isinstance(model, type) and part in getattr(model, "model_fields", {}):
            model = model.model_fields[part].annotation
        else:  # the name of a data set or of a pair
            model = model.__args__[1]
    return model.model_fields
