"""A wheel without the built call page would be a hub that shows nothing: refuse to build one."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        package = Path(self.root, "src/callmesh")
        for built in ("page/dist/index.html", "page/dist/sdk/app.js", "apps/whiteboard/index.html"):
            if not (package / built).is_file():
                self.app.abort(
                    "callmesh: the call page is not built, so the wheel would lack it: "
                    "run `make wheel`, or `npm ci && npm run build` first."
                )
