"""What an operator set about paths between peers: STUN and TURN servers, and their secret."""

from pathlib import Path

from callmesh.errors import BadInput
from callmesh.ice import IceServers, is_turn
from callmesh.settings import Settings

LEAST_SECRET = 16
"""Bytes."""


def ice_servers(settings: Settings) -> IceServers | None:
    """Those that participants are told of, if there are any. Raises `BadInput`."""
    turn = any(is_turn(url) for url in settings.ice_server)
    if settings.ice_policy == "relay" and not turn:
        raise BadInput("ice_policy is relay, so peers need a TURN server: add one to ice_server")
    if not turn:
        return IceServers(settings.ice_server) if settings.ice_server else None
    if settings.turn_secret is None:
        raise BadInput(
            "TURN servers want to know who comes: set turn_secret to a file with the secret that "
            "they share with the hub (coturn: use-auth-secret and static-auth-secret)"
        )
    secret = _read_secret(settings.turn_secret)
    return IceServers(settings.ice_server, secret, settings.ice_policy)


def _read_secret(file: Path) -> bytes:
    """Raises `BadInput`."""
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise BadInput(f"the secret of the TURN servers, {file}: {error.strerror}") from error
    if len(secret) < LEAST_SECRET:
        raise BadInput(
            f"{file} has {len(secret)} bytes, and a secret of the TURN servers has "
            f"{LEAST_SECRET} or more: make one with `openssl rand -hex 32 > {file}`"
        )
    return secret
