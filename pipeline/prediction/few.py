"""Lines about many images, of which a folder may give hundreds that say the same."""

from collections import Counter

SHOWN = 5  # of the same kind; the rest is counted


class Few:
    """Tell the first lines of each kind, and how many more there were.

    Parameters
    ----------
    tell : callable
        Takes a line.
    """

    def __init__(self, tell):
        self.tell = tell
        self.counts = Counter()

    def add(self, path, line):
        """Tell a line about a file, unless the same was said of several others, whose lines began with their own names."""
        kind = line.removeprefix(f"{path}: ")
        self.counts[kind] += 1
        if self.counts[kind] <= SHOWN:
            self.tell(line)

    def close(self):
        """Tell how many were left out."""
        for kind, count in self.counts.items():
            if count > SHOWN:
                self.tell(f"... and {count - SHOWN} more: {kind}")
