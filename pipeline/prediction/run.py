"""Predict many images into one folder. An image that fails does not keep the others from being done."""

import errno
import json
import re
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from tqdm import tqdm

from pipeline.atomic import digest
from pipeline.errors import UserError, in_one_line
from pipeline.prediction.results_folder import ResultsFolder, locked

SHOWN = 5  # messages that say the same of different files; the others are counted


@dataclass(frozen=True)
class Choices:
    threshold: float | None = None  # probability from which a pixel is foreground
    median: int = 1  # sections, odd, over which the median of the probability is taken
    split: bool = False  # separate objects that touch
    smallest: int = 1  # objects of fewer pixels are left out of labels and tables
    solids: bool = False  # count objects once through all sections
    intensity_range: tuple | str | None = None  # (low, high) that become 0 and 1, or "image"; None: the model's own
    pixel_size_nm: tuple | None = None  # height and width of a pixel, instead of what the file says


class RepeatedMessages:
    """Pass on the first `SHOWN` messages that say the same about different files (ignoring numbers), and count the rest."""

    def __init__(self, say):
        self.say, self.counts, self.latest = say, Counter(), {}

    def add(self, path, message):
        """Count a message; it may begin with the path that it is about."""
        text = message.removeprefix(f"{path}: ")
        kind = re.sub(r"\d+", "", text)
        self.counts[kind] += 1
        self.latest[kind] = text
        if self.counts[kind] <= SHOWN:
            self.say(message)

    def close(self):
        for kind, count in self.counts.items():
            if count > SHOWN:
                self.say(f"... and {count - SHOWN} more such as the last: {self.latest[kind]}")


class Job:
    """What all images of a run share, and what went wrong; `failures` are earlier messages."""

    def __init__(self, settings, choices, cluster, failures):
        self.settings, self.choices, self.cluster, self.failures = settings, choices, cluster, list(failures)
        self._failed, self._warnings = RepeatedMessages(self.failures.append), RepeatedMessages(_warn)

    @contextmanager
    def attempt(self, path):
        """Do something for one file; if it fails, remember why, and go on."""
        try:
            yield
        except (UserError, OSError, MemoryError) as error:
            self._failed.add(path, _reason(path, error))

    def warn(self, path, text):
        """Tell what is doubtful about a file."""
        self._warnings.add(path, f"{path}: {text}")

    def close(self):
        self._warnings.close()
        self._failed.close()


def predict_files(task, model, inputs, out, job, overwrite):
    """Predict images and volumes into a folder, and keep what an earlier run finished there.

    `task` is the ``prediction`` module of the model's task. Returns the number of images whose results are in the folder. Raises
    `UserError` after all other images were predicted, with a line for each that failed.
    """
    model = model if job.choices.intensity_range is None else model.taking_any_range()
    with locked(out):
        # The batch size decides nothing but speed. JSON turns tuples into lists, as they are read back.
        decisive = {"settings": job.settings.model_dump(exclude={"batch_size"}), "choices": asdict(job.choices)}
        run = {"model": " ".join(digest(path)[:16] for path in job.cluster.models)} | json.loads(json.dumps(decisive))
        results = ResultsFolder(out, run, task.OVERALL, overwrite, [image.path for image in inputs])
        known = {entry["source"]["path"]: name for name, entry in results.images.items()}  # whatever else was predicted then
        inputs = [replace(image, name=known.get(str(image.path.resolve()), image.name)) for image in inputs]
        waiting = [image for image in inputs if not results.done(image)]
        if len(waiting) < len(inputs):
            print(f"{len(inputs) - len(waiting)} of {len(inputs)} images are already done", file=sys.stderr)
        try:
            task.predict_images(model, tqdm(waiting, desc="images", disable=None), results, job)
        finally:
            with job.attempt(results.table):
                results.close()
            job.close()
        if job.failures:
            raise UserError("\n".join(job.failures))
        return sum(results.done(image) for image in inputs)


def _reason(path, error):
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{path}: no space left for its results; free some space and run the same command again (finished images are kept)"
    reason = getattr(error, "strerror", None) or in_one_line(error)
    return f"{path}: {reason}{f': {error.filename}' if getattr(error, 'filename', None) else ''}"


def _warn(message):
    tqdm.write(f"warning: {message}", file=sys.stderr)
