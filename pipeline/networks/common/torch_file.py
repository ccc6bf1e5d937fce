"""Read tensors from a file that PyTorch saved, without PyTorch, and without running what else the file may hold."""

import pickle
from collections import OrderedDict

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of the format before PyTorch 1.6
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Storage:
    """A flat array to come: the file has the tensors first and their numbers last."""

    def __init__(self, dtype, count):
        self.dtype, self.count, self.values = dtype, count, None


class _Tensor:
    def __init__(self, storage, offset, shape, strides, *unused):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self):
        strides = [stride * self.storage.dtype.itemsize for stride in self.strides]
        last = self.offset + sum(stride * (side - 1) for stride, side in zip(self.strides, self.shape, strict=True))
        if min(self.shape, default=1) < 1 or min((self.offset, *self.strides)) < 0 or last >= self.storage.count:
            raise ValueError("a tensor reaches beyond its numbers")  # else the view would read other memory
        return np.lib.stride_tricks.as_strided(self.storage.values[self.offset :], self.shape, strides).copy()


class _Unpickler(pickle.Unpickler):
    """Knows ordered dicts, tensors and two types of numbers; any other name in the file is an error, and nothing is called."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        allowed = {("collections", "OrderedDict"): OrderedDict, ("torch._utils", "_rebuild_tensor_v2"): _Tensor}
        allowed |= {("torch", dtype): dtype for dtype in DTYPES}
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is no tensor")
        return allowed[module, name]

    def persistent_load(self, identity):
        kind, dtype, key, _, count, _ = identity
        if kind != "storage":
            raise pickle.UnpicklingError(f"{kind} is no tensor")
        return self.storages.setdefault(key, _Storage(DTYPES[dtype], count))


def read_tensors(path):
    """Read the tensors in a file of the format that PyTorch wrote before 1.6: dict of str to ndarray.

    Raises ValueError or pickle.UnpicklingError if the file holds anything else.
    """
    with open(path, "rb") as file:
        if [_Unpickler(file).load() for _ in range(2)] != [MAGIC, PROTOCOL]:
            raise ValueError("not a file of PyTorch's format before 1.6")
        _Unpickler(file).load()  # sizes of C types on the computer that wrote it
        unpickler = _Unpickler(file)
        tensors = unpickler.load()
        for key in _Unpickler(file).load():
            storage = unpickler.storages[key]
            if int.from_bytes(file.read(8), "little") != storage.count:
                raise ValueError(f"storage {key} has another length than its tensors")
            storage.values = np.frombuffer(file.read(storage.count * storage.dtype.itemsize), storage.dtype)
    return {name: tensor.array() for name, tensor in tensors.items()}
