"""As many windows at a time as fit into memory, and never none."""

from pipeline.inference.model import TrainedModel
from pipeline.predict import DEFAULTS
from pipeline.tasks.segmentation.prediction import memory
from tests.builder import builder

unet = builder("unet")


def test_windows_by_hand(monkeypatch):
    model = TrainedModel(unet(channels=1, filters=4, depth=1), {})
    settings = DEFAULTS.model_copy(update={"tile": (100, 200), "batch_size": 8})
    window = memory.WINDOW_BYTES * 8 * 100 * 200  # the widest features: those of both sides, concatenated
    for free, expected in ((0, 1), (2 * window, 1), (6.2 * window, 3), (1000 * window, 8)):
        monkeypatch.setattr(memory, "free_memory", lambda free=free: free)
        assert memory.fit_to_memory(model, settings).batch_size == expected


def test_some_memory_is_free():
    assert 2**20 < memory.free_memory() < 2**50
