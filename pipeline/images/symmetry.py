"""Flips and turns: exact changes, that need no interpolation."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Symmetry:
    """One of the eight flips and turns of the square, applied to a batch (N, H, W, ...) as a view.

    Parameters
    ----------
    turns : int
        Quarter turns.
    flip : bool
        Turn upside down first.
    """

    turns: int
    flip: bool

    def apply(self, batch):
        return np.rot90(batch[:, ::-1] if self.flip else batch, self.turns, axes=(1, 2))

    def undo(self, batch):
        batch = np.rot90(batch, -self.turns, axes=(1, 2))
        return batch[:, ::-1] if self.flip else batch


SYMMETRIES = tuple(Symmetry(turns, flip) for flip in (False, True) for turns in range(4))


def symmetries(height, width):
    """The symmetries that keep a shape: all eight of a square, the four without a quarter turn of another rectangle."""
    return [s for s in SYMMETRIES if height == width or s.turns % 2 == 0]


def flip_and_turn(images, masks, rng):
    """Flip and turn a batch by a random symmetry.

    Parameters
    ----------
    images : ndarray, shape (N, H, W, C)
    masks : ndarray, shape (N, H, W, ...), or None
    rng : numpy.random.Generator

    Returns
    -------
    images, masks : views of what was given, not copies
    """
    choices = symmetries(*images.shape[1:3])
    symmetry = choices[rng.integers(len(choices))]
    return symmetry.apply(images), None if masks is None else symmetry.apply(masks)
