"""The probability of each page of an image or a volume, on disk, and the mask that follows from it."""

from dataclasses import dataclass

import numpy as np
import zarr
from tqdm import tqdm

from pipeline.images.io import is_ome_zarr
from pipeline.images.stack import Stack
from pipeline.inference.decision import mean_and_spread, outputs, predicted
from pipeline.prediction.expectations import section_reader
from pipeline.prediction.objects.label import row_bands
from pipeline.prediction.ome import class_axis
from pipeline.prediction.volume import predict_volume
from pipeline.prediction.writers import fill, read_rows, temporary


@dataclass(frozen=True)
class Pages:
    """What a model predicted, read band by band: an image or a volume may be larger than memory."""

    stack: Stack
    single: zarr.Array  # probability of each page by itself, float32: (..., H, W); several classes have an axis of their own
    classes: int  # values for each pixel, see `outputs`
    median: int  # sections, odd, over which the median of the probability is taken
    threshold: float | None

    @property
    def axis(self):
        """The axis of the classes, or None."""
        if is_ome_zarr(self.stack.path):
            return class_axis(self.stack.path, self.classes)
        return 0 if self.classes > 1 else None

    def probability(self, page):
        """Yield bands of the probability: the median over sections of the same time point."""
        first = page - page % self.stack.sections
        reach = self.median // 2
        # At the ends the window is cut, not mirrored: no section counts twice.
        around = range(max(first, page - reach), min(first + self.stack.sections, page + reach + 1))
        for start, stop in row_bands(self.stack.shape[0]):
            if reach:
                near = [read_rows(self.single, other, start, stop, self.axis) for other in around]
                yield np.median(near, axis=0).astype(np.float32)
            else:
                yield read_rows(self.single, page, start, stop, self.axis)

    def masks(self, page):
        """Yield bands of the mask: bool, or the numbers of several classes."""
        return (predicted(band, self.threshold) for band in self.probability(page))


def predict_pages(model, stack, read, job, path, disagreement):
    """Predict each page of an image or a volume into an array at `path`; return its `Pages`.

    The disagreement of several members fills the array `disagreement`, unless it is None.
    """
    classes = outputs(model.card)
    if is_ome_zarr(stack.path):
        single = predict_volume(model, stack, path, job)
    else:
        single = temporary(path, (*([classes] if classes > 1 else []), stack.pages, *stack.shape), np.float32)
        _fill_pages(single, model, stack, section_reader(read, stack, model.card), job.settings, disagreement)
    return Pages(stack, single, classes, job.choices.median, job.choices.threshold)


def _fill_pages(single, model, stack, read, settings, disagreement):
    with tqdm(total=stack.pages * stack.shape[0], desc=stack.path.name, unit="row", leave=False, disable=None) as bar:

        def rows_of(page):
            for start, bands in model.segment_rows_members(lambda start, stop: read(page, start, stop), stack.shape, settings):
                band, spread = mean_and_spread(bands)
                if disagreement is not None:
                    disagreement[page, start : start + len(spread)] = spread
                yield band
                bar.update(len(band))

        for page in range(stack.pages):
            fill(single, page, rows_of(page), classes=0 if outputs(model.card) > 1 else None)
