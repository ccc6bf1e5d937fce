import numpy as np
from matplotlib import colormaps

from pipeline.evaluation.maps import heat


def test_heat_rises_from_dark_to_light():
    values = np.linspace(0, 1, 256)[None]
    picture = heat(np.zeros((1, 256, 1), np.uint8), values)
    inferno = 255 * colormaps["inferno"](values)[..., :3]
    assert np.abs(picture / 0.55 - inferno).max() < 24  # between the six colours that it keeps
    assert (np.diff(picture.astype(int).sum(axis=-1)) >= -1).all()  # but for rounding
