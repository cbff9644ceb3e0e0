"""One line on standard error that tells what is being measured."""

import sys
import time

_began = time.monotonic()


def say(what: str) -> float:
    """On a terminal the line is written over; elsewhere every one stays. Seconds until now."""
    passed = time.monotonic() - _began
    line = f"[{passed:4.0f} s] {what}"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
    else:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
    return passed


def done() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
