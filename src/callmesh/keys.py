"""The key of a session: what a participant signs others can hand on, and nobody can change."""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PUBLIC_BYTES = 32


class SessionKey:
    """An Ed25519 key that lives as long as a participant, and is kept nowhere."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
        """Its public half, as the roster shows it: base64url without padding."""

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)


def is_key(text: str) -> bool:
    """Whether `text` is the public half of a key."""
    return _read(text) is not None


def verify(public: str, signature: bytes, data: bytes) -> bool:
    """Whether who has the key with this public half has signed `data`. Raises nothing."""
    key = _read(public)
    if key is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _read(text: str) -> bytes | None:
    try:
        key = base64.b64decode(f"{text}=".encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == PUBLIC_BYTES else None
