"""Errors of the system or of a library become one plain line."""

import mmap

import keras
import numpy as np
import pytest

from pipeline.errors import counted, listed, plain_errors


@pytest.mark.parametrize("reserve", [lambda: np.empty(2**50), lambda: keras.ops.zeros((2**24, 2**24)), lambda: bytearray(2**60)])
def test_too_little_memory_is_one_line(reserve, capsys):
    with pytest.raises(SystemExit) as ended, plain_errors():
        reserve()
    said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1
    assert said[-1].startswith("error: not enough memory; ")


def test_the_system_without_memory_is_one_line(capsys):
    with pytest.raises(SystemExit) as ended, plain_errors():
        mmap.mmap(-1, 2**60)
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: Cannot allocate memory; use smaller batches")


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), plain_errors():
        raise ZeroDivisionError


def test_words_for_numbers_and_lists():
    assert [counted(number, "mask") for number in (0, 1, 1200)] == ["no masks", "1 mask", "1,200 masks"]
    assert [listed(["a", "b", "c"], most) for most in (2, 3)] == ["a, b and 1 more", "a, b, c"]
