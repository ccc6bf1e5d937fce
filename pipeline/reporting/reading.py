"""Read the files of other stages; what is damaged is told with its path."""

import json

import pandas as pd

from pipeline.errors import UserError


def read_json(path, keys):
    """Read a JSON object.

    Parameters
    ----------
    path : pathlib.Path
    keys : iterable of str
        That it must have; ``unit.count`` is the key ``count`` of the object ``unit``.

    Returns
    -------
    dict

    Raises
    ------
    UserError
        If it is no JSON or a key is missing.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: expected JSON, received: {error}") from error
    absent = [key for key in keys if not _has(values, key.split("."))]
    if absent:
        raise UserError(f"{path}: expected the keys {', '.join(keys)}; {', '.join(absent)} missing")
    return values


def _has(values, parts):
    for part in parts:
        if not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


def read_csv(path, numbers=(), texts=()):
    """Read a table.

    Parameters
    ----------
    path : pathlib.Path
    numbers, texts : sequence of str
        Columns that it must have. An empty cell is a missing number or an empty text; "007" or "NA" may be the name of an
        image or a class.

    Returns
    -------
    DataFrame
        Of these columns alone.

    Raises
    ------
    UserError
        If it is no table, a column is missing or something else than a number stands where one is expected.
    """
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # pandas's own errors of reading are kinds of ValueError
        raise UserError(f"{path}: expected a table, received: {error}") from error
    columns = [*texts, *numbers]
    absent = [column for column in columns if column not in frame]
    if absent:
        raise UserError(f"{path}: expected the columns {', '.join(columns)}; {', '.join(absent)} missing")
    frame = frame[columns].copy()
    for column in numbers:
        values = pd.to_numeric(frame[column].replace("", "nan"), errors="coerce")
        wrong = frame[column][values.isna() & ~frame[column].str.lower().isin(["", "nan"])]
        if len(wrong):
            raise UserError(f"{path}: expected numbers in the column {column}, received {wrong.iloc[0]!r}")
        frame[column] = values
    return frame
