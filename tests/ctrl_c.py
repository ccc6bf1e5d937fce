"""For processes that a test interrupts as a terminal does."""

import signal


def hears_ctrl_c():
    """Undo, in a new process, what a job in the background inherits and CI may be: deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
