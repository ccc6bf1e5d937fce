"""How much windows change a prediction: the largest difference from the whole image predicted at once.

``python -m tests.prediction.seams MODEL IMAGE``; the image is mirrored beside itself and cut to 1300 columns.
"""

import sys

import numpy as np

from pipeline.images.io import read_image
from pipeline.inference.tiling import predict_image
from pipeline.params import Inference
from pipeline.startup import load_keras

OVERLAP = (192, 192)


def main(path, image):
    load_keras()
    from pipeline.inference.model import load_trained

    model = load_trained(path)
    pixels = model.scaled(read_image(image))
    pixels = np.concatenate([pixels, pixels[:, ::-1]], axis=1)[:, :1300]
    whole = model._probability(pixels[None])[0]
    for side in (512, 1024):
        settings = Inference(tile=(side, side), overlap=OVERLAP, batch_size=1, flips=False)
        windows = predict_image(model._probability, pixels, settings, model.align)
        difference = np.abs(windows - whole)
        print(f"windows of {side}, overlap {OVERLAP[0]}: at most {difference.max():.1e}, on average {difference.mean():.0e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
