"""On a device, batches are what they are on the host; JAX's CPU stands for the device."""

import numpy as np
import pytest

from pipeline.patches.packed import Packed
from pipeline.training import on_device
from pipeline.training.batches import Batches
from pipeline.training.distributed import Team
from pipeline.training.on_device import OnDevice, fits

RNG = np.random.default_rng(0)
IMAGES = {"square": RNG.integers(0, 256, (10, 6, 6, 1), np.uint8), "colours": RNG.integers(0, 65536, (10, 4, 6, 3), np.uint16)}
TARGETS = {"masks": lambda images: images[..., 0] % 2 == 1, "labels": lambda images: np.arange(len(images))}


@pytest.mark.parametrize("team", [Team(), Team(0, 1, 4)], ids=["alone", "four devices"])
@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("images", IMAGES)
def test_the_device_makes_the_batches_of_the_host(images, targets, team):
    packed = Packed(IMAGES[images], TARGETS[targets](IMAGES[images]))
    batches = Batches(packed, 4, seed=3, shuffle=True, flips=True, team=team, sections=packed.images.shape[-1])
    device = OnDevice(batches)
    assert len(device) == len(batches) == 3
    for batches.epoch in range(4):
        for index in range(3):
            for made, expected in zip(device[index], batches[index], strict=True):
                assert made.shape == expected.shape and (made.dtype == expected.dtype or targets == "labels")
                np.testing.assert_array_equal(made, expected)


def test_patches_that_fill_the_device_stay_on_the_host(monkeypatch):
    packed = Packed(IMAGES["square"], TARGETS["labels"](IMAGES["square"]))
    assert fits(packed)
    needed = packed.images.nbytes + packed.targets.nbytes
    monkeypatch.setattr(on_device, "UNKNOWN", on_device.PART * needed)  # what a CPU of JAX says of its memory: nothing
    assert fits(packed)
    monkeypatch.setattr(on_device, "UNKNOWN", on_device.PART * needed - 1)
    assert not fits(packed)
