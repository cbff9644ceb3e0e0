"""One line on standard error that tells what is being measured."""

import sys
import time

_began = time.monotonic()


def say(what: str) -> None:
    """On a terminal the line is written over; elsewhere every one stays."""
    line = f"[{time.monotonic() - _began:4.0f} s] {what}"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
    else:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def done() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
