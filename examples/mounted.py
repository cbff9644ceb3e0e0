"""An application of your own with calls in it. docs/operating.md says what each flag is for:

    uvicorn --app-dir examples --ws websockets-sansio --ws-max-size 2097152 --ws-ping-interval 0 \
        --ws-per-message-deflate false --timeout-graceful-shutdown 3 mounted:app

The hub is under /callmesh, its calls at /callmesh/call/<id>. With `dev=True` it lets in who
comes from this machine, and nobody else; say `key=Path("callmesh.key")` instead to let in who
brings a token.
"""

import os
from pathlib import Path

from fastapi import FastAPI

import callmesh

hub = callmesh.asgi(data=Path(os.environ.get("CALLS", "callmesh-data")), dev=True)

# An application does not start what is mounted into it, so hand it the hub's lifespan: the hub
# saves what is written while it lasts. If you have one of your own, say in it
# `async with hub.lifespan(app):` around the `yield`.
app = FastAPI(lifespan=hub.lifespan)


@app.get("/")
def patients() -> dict[str, str]:
    return {"Mrs Brown": "/callmesh/call/brown", "Mr Green": "/callmesh/call/green"}


app.mount("/callmesh", hub)
