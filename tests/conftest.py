"""What all tests share: TensorFlow as the stages start it, no deadlines, and the order."""

import os
import sys

import pytest
from hypothesis import settings

# As `pipeline.startup.load_keras` sets it: tests import Keras by themselves, and must compute the same bits as a stage.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow sets 1 on import, and the processes that tests start inherit it

settings.register_profile("patient", deadline=None)  # the computer may be busy
settings.load_profile("patient")

# So that neither of two processes waits for the other: at the end, or at the start for the project of `tests/pipeline`.
LONGEST = ["test_every_network.py", "pipeline", "training", "prediction", "exporting"]


@pytest.fixture(autouse=True)
def float32_afterwards():
    """Training sets the precision that the processor is good at for its whole process, and the next test runs in that process."""
    yield
    if keras := sys.modules.get("keras"):
        keras.config.set_dtype_policy("float32")


def pytest_collection_modifyitems(config, items):
    def place(item):
        parts = item.path.relative_to(config.rootpath).parts
        return next((number for number, part in enumerate(LONGEST) if part in parts), len(LONGEST))

    items.sort(key=place)
