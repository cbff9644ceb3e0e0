"""`callmesh serve`, but for its WebSockets, which are those of the ASGI server.

The arguments are those of `callmesh`, the server's flags are those that `docs/operating.md` tells
whoever mounts a hub into an application of their own.
"""

import re
import sys
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.main import main as command

from callmesh import cli

OPERATING = Path(__file__).parent.parent / "docs" / "operating.md"
SAID = re.findall(r"^\| `(--\S+ \S+)` \|", OPERATING.read_text(), re.MULTILINE)
FLAGS = " ".join(SAID).split()


def meant() -> dict[str, Any]:
    """The flags as the server's configuration has them."""
    given = command.make_context("uvicorn", [*FLAGS, "app"]).params
    return {name: given[name] for name in (f[2:].replace("-", "_") for f in FLAGS[::2])}


class Config(uvicorn.Config):
    def __init__(self, app: Any, **given: Any) -> None:
        super().__init__(app, **given | meant())


if __name__ == "__main__":
    uvicorn.Config = Config  # type: ignore[assignment,misc]
    sys.exit(cli.main())
