"""A real terminal of a given width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios


def seen(command, columns=120, rows=60, *, env, **options):
    """Run a command in a terminal and return the lines that it shows, without colours."""
    # Without a terminal around the tests, TERM is "dumb" or absent, and many programs then believe in 80 columns.
    env = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")} | {"TERM": "xterm-256color"}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=env, **options)
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so when the last writer is gone
            part = b""
        if not part:
            break
        text += part
    os.close(ours)
    assert process.wait() == 0, text.decode()
    return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).rstrip() for line in text.decode().replace("\r", "").split("\n")]
