"""Deletes calls that nobody was in for as long as they are kept."""

import asyncio
import logging

from callmesh.errors import CallmeshError
from callmesh.operator import Operator

EVERY = 600.0
"""Seconds between two looks. The first is not at once: a clock may still be set after a start."""

log = logging.getLogger("callmesh.hub")


async def follow(operator: Operator) -> None:
    """Look for them, for as long as the hub runs."""
    while True:
        await asyncio.sleep(EVERY)
        try:
            for call in await operator.run_out(operator.live.now()):
                log.info("deleted, since nobody was in it for so long", extra={"call": call})
        except CallmeshError as error:
            about = {"code": error.code, "reason": str(error)}
            log.error("calls are kept longer than they should be", extra=about)
