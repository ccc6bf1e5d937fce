"""Tensors of PyTorch's former format, read without PyTorch; what is no tensor is refused and not run."""

import pickle

import numpy as np
import pytest

from pipeline.networks.common.torch_file import MAGIC, PROTOCOL, read_tensors


class Global:
    """Pickled as a name in a module, and perhaps a call of it: what PyTorch, or an attacker, writes."""

    def __init__(self, module, name, arguments):
        self.module, self.name, self.arguments = module, name, arguments


class Storage:
    def __init__(self, key, count, kind="FloatStorage"):
        self.key, self.count, self.kind = key, count, kind


class Pickler(pickle._Pickler):
    """The pure Python one writes names without importing what they name."""

    def persistent_id(self, value):
        return ("storage", Name("torch", value.kind), value.key, "cpu", value.count, None) if isinstance(value, Storage) else None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Name):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Global):
            self.save(Name(value.module, value.name))
            self.save(tuple(value.arguments))
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


class Name:
    def __init__(self, module, name):
        self.module, self.name = module, name


def write(path, tensors, numbers):
    with open(path, "wb") as file:
        for value in (MAGIC, PROTOCOL, {"little_endian": True}):
            pickle.dump(value, file, protocol=2)
        Pickler(file, protocol=2).dump(tensors)
        pickle.dump(list(numbers), file, protocol=2)
        for values in numbers.values():
            file.write(len(values).to_bytes(8, "little") + values.tobytes())
    return path


def tensor(storage, offset, shape, strides):
    return Global("torch._utils", "_rebuild_tensor_v2", (storage, offset, shape, strides, False, {}))


def test_tensors_are_views_of_their_storage(tmp_path):
    numbers = {"7": np.arange(6, dtype="<f4"), "8": np.array([3], "<i8")}
    shared, count = Storage("7", 6), Storage("8", 1, "LongStorage")
    tensors = {"a": tensor(shared, 0, (2, 3), (3, 1)), "b": tensor(shared, 1, (3, 1), (1, 3)), "n": tensor(count, 0, (), ())}
    found = read_tensors(write(tmp_path / "w.pth", tensors, numbers))
    np.testing.assert_array_equal(found["a"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["b"], [[1], [2], [3]])
    assert found["n"] == 3 and found["n"].dtype == np.int64


@pytest.mark.parametrize(("module", "name"), [("os", "system"), ("builtins", "eval"), ("torch", "load")])
def test_what_is_no_tensor_is_not_run(tmp_path, module, name):
    file = write(tmp_path / "w.pth", {"a": Global(module, name, (f"touch {tmp_path / 'done'}",))}, {})
    with pytest.raises(pickle.UnpicklingError, match=rf"{module}\.{name} is no tensor"):
        read_tensors(file)
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("offset", "shape", "strides"), [(0, (7,), (1,)), (3, (2, 2), (2, 1)), (-1, (1,), (1,)), (0, (2,), (-1,))]
)
def test_a_tensor_that_reaches_beyond_its_numbers_is_refused(tmp_path, offset, shape, strides):
    file = write(tmp_path / "w.pth", {"a": tensor(Storage("7", 6), offset, shape, strides)}, {"7": np.arange(6, dtype="<f4")})
    with pytest.raises(ValueError, match="beyond its numbers"):
        read_tensors(file)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "w.pth").write_bytes(pickle.dumps(1) + pickle.dumps(2))
    with pytest.raises(ValueError, match="not a file of PyTorch's format"):
        read_tensors(tmp_path / "w.pth")
