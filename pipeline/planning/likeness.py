"""Which images resemble each other: neighbours in order, groups that file names suggest, copies."""

import re
from collections import Counter
from types import SimpleNamespace

import numpy as np

from pipeline.patches.duplicates import connected, find_duplicates

THRESHOLD = 0.85  # of near-duplicates, as audit.correlation
SEPARATORS = " _.-"  # of the parts of a name
FEWEST = 3  # groups, one for each of train, val and test
TELLING = 10  # pairs of near-duplicates that suffice to doubt names; as many different words are taken for names of patients


def compare(files, places, fingerprints, groups, masks):
    """Compare files at their `places` in the order of all. `groups` are the stated ones, "" without."""
    names = np.array([str(number) for number in range(len(files))], dtype=object)
    pairs = find_duplicates(names, names, fingerprints, THRESHOLD)
    a, b = (pairs[column].astype(int).to_numpy() for column in ("name_a", "name_b"))
    stated = np.array(groups, dtype=object)
    split = np.array([file.split for file in files], dtype=object)
    own = stated if any(groups) else names
    at_lag = neighbour_correlations(masks.content, places) if masks else np.zeros(1)
    pattern = None if any(groups) else suggested_pattern([file.stem for file in files], [file.label for file in files])
    doubted, count, shared = "", 0, 0
    if pattern:
        parts = [re.search(pattern, file.stem)[1] for file in files]
        found = np.array([f"{file.label}/{part}" for file, part in zip(files, parts, strict=True)], dtype=object)
        within, count = np.count_nonzero(found[a] == found[b]), len(set(found))
        shared = count - len(set(parts))
        if len(pairs) >= TELLING and 2 * within < len(pairs):
            doubted = f"only {within} of {len(pairs)} pairs of near-duplicates share a group by their names"
        elif _words(parts):
            doubted = f"{', '.join(sorted(set(parts)))} may be kinds of images; if they are patients, set folder.group"
    apart, identical = split[a] != split[b], pairs["identical"].to_numpy(bool)
    return SimpleNamespace(
        neighbours=float(at_lag[0]),  # correlation of neighbouring masks, less what all masks have in common; 0: not known
        # How many images further on it is below 0.2.
        reach=next((lag for lag, value in enumerate(at_lag, 1) if value < 0.2), len(at_lag)),
        copies=len({*a, *b}) / len(files),  # share of the images that have a near-duplicate
        # Share of the images in the largest group that near-duplicates form: copies form small ones.
        chained=int(np.bincount(connected(a, b, len(files))).max()) / len(files),
        # Pairs of near-duplicates in different groups of ``groups.csv`` or, without one, in different files.
        across=int(np.count_nonzero(own[a] != own[b])),
        identical=int(np.count_nonzero(apart & identical)),  # pairs of identical images on different sides of a stated split
        leaking=int(np.count_nonzero(apart & ~identical)),  # pairs of other near-duplicates on different sides of it
        shared=shared,  # names of groups that stand in several classes
        pattern=pattern or "",  # expression by which file names suggest groups
        groups=count,  # their number
        doubted=doubted,  # why they are not believed
        believed=bool(pattern and not doubted),
    )


def suggested_pattern(stems, labels=None):
    """A regular expression whose group is the first part of a name, if that makes several groups of several images; else None.

    With the `labels` of classes, it must make several groups in each class: one that tells classes apart tells no patients apart.
    A few words without any number, such as "benign", are only suggested if nothing else makes groups.

    >>> suggested_pattern(["p1_1", "p1_2", "p2_1", "p2_2", "p3_1", "p3_2"])
    '^([^_]+)_'
    """
    labels = labels or [""] * len(stems)
    signs = sorted({sign for stem in stems for sign in SEPARATORS if sign in stem})
    if not signs:
        return None
    listed = "".join(map(re.escape, signs))
    words = None
    separator, word = (listed if len(signs) == 1 else f"[{listed}]"), f"[^{listed}]+"
    for parts in range(1, min(len(re.findall(separator, stem)) for stem in stems) + 1):
        for first in (word, ""):  # some names begin with a separator
            pattern = f"^({first}{(separator + word) * (parts - bool(first))}){separator}"
            found = [match and match[1] for match in (re.search(pattern, stem) for stem in stems)]
            if not all(found):
                continue
            of_class = set(zip(labels, found, strict=True))
            fewest = min(Counter(label for label, _ in of_class).values())
            if fewest >= FEWEST and 2 * len(of_class) <= len(stems):
                if not _words(found):
                    return pattern
                words = words or pattern
    return words


def _words(parts):
    """Whether these are a few words, and no numbers."""
    return len(set(parts)) < TELLING and all(part.isalpha() for part in parts)


def neighbour_correlations(content, places, most=50):
    """Correlation of what images show, (N, K), with what the image 1, 2, … places on shows, less what all have in common.

    Covariances are divided by the mean variance, not each pair by its own: else all empty masks would resemble each other.
    """
    centred = content - content.mean(axis=0)
    centred /= np.sqrt(np.square(centred).sum(axis=1).mean()) or 1.0
    position = {place: number for number, place in enumerate(np.asarray(places).tolist())}
    found = []
    for lag in range(1, min(most, len(content) // 2) + 1):
        pairs = [(number, position[place + lag]) for place, number in position.items() if place + lag in position]
        found.append(np.mean([centred[a] @ centred[b] for a, b in pairs]) if pairs else 0.0)
    return np.array(found or [0.0])
