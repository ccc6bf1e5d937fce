"""Flips and turns: exact changes, that need no interpolation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Symmetry:
    """One of the eight flips and turns of the square, applied to a batch (N, H, W, ...) as a view, if it is NumPy's.

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
        return _turned(batch[:, ::-1] if self.flip else batch, self.turns)

    def undo(self, batch):
        batch = _turned(batch, -self.turns)
        return batch[:, ::-1] if self.flip else batch


def _turned(batch, turns):
    """As `numpy.rot90` over axes 1 and 2, of any library's arrays."""
    if turns % 2:
        batch = batch[:, :, ::-1].swapaxes(1, 2)
    return batch[:, ::-1, ::-1] if turns % 4 > 1 else batch


SYMMETRIES = tuple(Symmetry(turns, flip) for flip in (False, True) for turns in range(4))


def symmetries(height, width):
    """The symmetries that keep a shape: all eight of a square, the four without a quarter turn of another rectangle."""
    return [s for s in SYMMETRIES if height == width or s.turns % 2 == 0]


def draw_symmetry(height, width, rng):
    """Draw one of the `symmetries` of a shape: its number among them, of which the first changes nothing."""
    return int(rng.integers(len(symmetries(height, width))))
