"""Do what the plan says, and print one line of JSON."""

import json
import resource
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from benchmarks.crowd import Plan
from benchmarks.crowd.fanout import fan_out
from benchmarks.crowd.joins import come_back, fill, idle, newcomers, storm
from benchmarks.crowd.kills import burst, look
from benchmarks.crowd.stalled import stall

CROWDS: dict[str, Callable[[Plan], Awaitable[dict[str, Any]]]] = {
    "fanout": fan_out, "storm": storm, "idle": idle, "newcomers": newcomers, "fill": fill,
    "come back": come_back, "stall": stall, "burst": burst, "look": look,
}  # fmt: skip


async def main(plan: Plan) -> dict[str, Any]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return await CROWDS[plan.does](plan)


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main(Plan(**json.loads(sys.argv[1]))))), flush=True)
