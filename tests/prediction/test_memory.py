"""As many windows at a time as fit into memory, and never none."""

from pipeline.networks.unet import unet
from pipeline.prediction import memory


def test_windows_by_hand(monkeypatch):
    network = unet(1, filters=4, depth=1)
    window = memory.BYTES * 4 * 100 * 200
    for free, expected in ((0, 1), (2 * window, 1), (6.2 * window, 3), (1000 * window, 8)):
        monkeypatch.setattr(memory, "free_memory", lambda free=free: free)
        assert memory.windows_that_fit(network, (100, 200), 8) == expected


def test_some_memory_is_free():
    assert 2**20 < memory.free_memory() < 2**50
