"""Runs the Python half of an app for one resource: `python -m callmesh.running`, as hubs start it.

What there is to do stands in the first line of standard input. That stays open for as long as the
hub lives: at its end this process and all that it has started are killed, whatever they do.
"""

import asyncio
import importlib.util
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TextIO

import msgspec

from callmesh.client import join
from callmesh.errors import CallOver
from callmesh.half import App
from callmesh.halves import Order

FRAMES = 20
"""Of a call stack, the innermost are printed: the hub's log takes 100 lines at once (Y8)."""


def main() -> int:
    sys.excepthook = tell_failure
    os.set_inheritable(pipe := os.dup(0), False)  # nobody but us holds it
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    hub = open(pipe, "rb", buffering=0)  # noqa: SIM115 - as long as the process lives
    order = msgspec.json.decode(hub.readline(), type=Order)
    threading.Thread(target=_end_with, args=[hub], daemon=True).start()
    return asyncio.run(_run(order, load(Path(order.folder), order.file, order.app)))


def _end_with(hub: BinaryIO) -> None:
    while hub.read(1):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def tell_failure(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    traceback.print_exception(kind, error, trace, limit=-FRAMES)


def load(folder: Path, file: str, app: str) -> App:
    """The handlers in a file of an app. Raises `SystemExit` where there are none."""
    path = folder / file
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = {id(it): it for it in vars(module).values() if isinstance(it, App) and it.id == app}
    if len(found) != 1:
        raise SystemExit(
            f'{file} has {len(found) or "no"} callmesh.App("{app}") among its names; write one: '
            f'app = callmesh.App("{app}")'
        )
    return found.popitem()[1]


class Failing(logging.StreamHandler[TextIO]):
    """Prints what is logged; but what code of the app raises, and nobody caught, is its failure.

    callmesh and asyncio log that, and would go on.
    """

    def __init__(self, fail: Callable[[BaseException], None]) -> None:
        super().__init__()
        self._fail = fail

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and record.name.partition(".")[0] in ("callmesh", "asyncio"):
            self._fail(error)
        else:
            super().emit(record)


async def _run(order: Order, app: App) -> int:
    """Until the hub says so, the call is over, or something in it fails. Raises that."""
    loop = asyncio.get_running_loop()
    told, failed = loop.create_future(), loop.create_future()

    def fail(error: BaseException) -> None:
        if not failed.done():
            failed.set_result(error)

    def stop() -> None:
        if not told.done():
            told.set_result(None)

    logging.basicConfig(handlers=[Failing(fail)], format="%(levelname)s %(name)s: %(message)s")
    loop.add_signal_handler(signal.SIGTERM, stop)
    async with join(f"{order.call}#token={order.token}", apps=[app], rtc=False) as call:
        over = loop.create_task(call.over())
        await asyncio.wait({told, failed, over}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            raise failed.result()
        if not told.done() and not isinstance(over.result(), CallOver):
            raise over.result()
        over.cancel()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
