"""Flips and quarter turns, which need no interpolation."""

from typing import NamedTuple


class Symmetry(NamedTuple):
    """One of the eight symmetries of the square, for batches (N, H, W, ...) of NumPy or any similar library."""

    turns: int  # quarter turns
    flip: bool  # upside down, before the turns

    def apply(self, batch):
        return _turned(batch[:, ::-1] if self.flip else batch, self.turns)

    def undo(self, batch):
        batch = _turned(batch, -self.turns)
        return batch[:, ::-1] if self.flip else batch

    def __str__(self):
        return ", ".join(["flip"] * self.flip + [f"turn {90 * self.turns}"] * (self.turns > 0)) or "none"


def _turned(batch, turns):
    """As `numpy.rot90` over axes 1 and 2, for arrays of any library."""
    if turns % 2:
        batch = batch[:, :, ::-1].swapaxes(1, 2)
    return batch[:, ::-1, ::-1] if turns % 4 > 1 else batch


SYMMETRIES = tuple(Symmetry(turns, flip) for flip in (False, True) for turns in range(4))


def symmetries(height, width):
    """The symmetries that keep the shape: all eight for a square, the four without a quarter turn otherwise."""
    return [s for s in SYMMETRIES if height == width or s.turns % 2 == 0]


def draw_symmetry(height, width, rng):
    """Draw one of `symmetries(height, width)`: its index, where 0 changes nothing."""
    return int(rng.integers(len(symmetries(height, width))))
