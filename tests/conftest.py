"""What all tests share: TensorFlow as the stages start it, and the order."""

import os

# As `pipeline.startup.load_keras` sets it: tests import Keras by themselves, and must compute the same bits as a stage.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow sets 1 on import, and the processes that tests start inherit it


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: "pipeline" not in item.path.parts)  # the long ones first
