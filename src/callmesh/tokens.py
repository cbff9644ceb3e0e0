"""Tokens: what an operator says about one visitor of one call. JWT, after RFC 7519 and RFC 8725.

header  alg   HS256 or EdDSA, as the hub's key is
        typ   callmesh+jwt
claims  aud   callmesh
        call  the one call that it opens
        role  host, guest or observer
        sub   the person, as the operator names them; the same text is the same person
        name  how others see them; without it they say it themselves
        wait  false for who need not ask a host to be let in
        iat, exp, nbf   seconds since the epoch, up to the year 2255; nbf may be left out
"""

import base64
import binascii
from pathlib import Path
from typing import Annotated, Literal

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.types import Options
from msgspec import Meta

from callmesh.clock import MICROSECONDS
from callmesh.errors import BadInput, Unauthorized
from callmesh.ids import CallId

TYP = "callmesh+jwt"
MIN_SECRET = 32
"""Bytes, as RFC 7518 wants for HS256."""
MIN_DIFFERENT = 8
"""Different bytes in a secret that nobody has typed."""
LEEWAY = 60 * MICROSECONDS
"""How far the clock of who signs may be ahead of the hub's."""
LATEST = 2**53
"""Microseconds before which every time in a token is, so that it counts as a whole number."""


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    call: Annotated[str, Meta(max_length=64)]
    role: Literal["host", "guest", "observer"]
    sub: Annotated[str, Meta(min_length=1, max_length=256)]
    iat: float
    exp: float
    nbf: float = 0.0
    name: Annotated[str, Meta(max_length=1024)] | None = None
    wait: bool = True
    aud: Literal["callmesh"] = "callmesh"


class Key:
    """What tokens are checked with, and signed where it can sign.

    `text` is an Ed25519 key in PEM, private or public, or a secret of at least 32 bytes, eight of
    them different; white space around it does not count, nor what stands before a PEM. Raises
    `BadInput`.
    """

    def __init__(self, text: bytes) -> None:
        _refuse_other_kinds(text)
        text = text.strip()
        self.algorithm: Literal["HS256", "EdDSA"]
        self._checks: bytes | Ed25519PublicKey
        self._signs: bytes | Ed25519PrivateKey | None
        if (begin := text.find(b"-----BEGIN")) >= 0:
            self.algorithm = "EdDSA"
            self._signs, self._checks = _read_pem(text[begin:])
            self._try_out()
            return
        check_secret(text, "callmesh.key")
        self.algorithm = "HS256"
        self._signs = self._checks = text
        self._try_out()

    def _try_out(self) -> None:
        """A key that would refuse every token is refused here, and not one visitor after another.

        Raises `BadInput`.
        """
        if self._signs is None:
            return
        call = CallId("try")
        try:
            self.check(self.sign(Claims(call, "guest", "nobody", 0, 1)), call, 0)
        except (jwt.PyJWTError, Unauthorized) as error:
            raise BadInput(f"tokens that are signed with it cannot be checked: {error}") from error

    @classmethod
    def read(cls, file: Path) -> "Key":
        """The key in `file`. Raises `BadInput`."""
        try:
            return cls(file.read_bytes())
        except OSError as error:
            raise BadInput(f"the key {file} cannot be read: {error.strerror}") from error
        except BadInput as error:
            raise BadInput(f"{file} is no key for tokens: {error}") from error

    @property
    def can_sign(self) -> bool:
        """Whether tokens can be made with it, not only checked."""
        return self._signs is not None

    def sign(self, claims: Claims) -> str:
        """A token. Raises `BadInput` for a public key."""
        if self._signs is None:
            raise BadInput("this is a public key: it checks tokens, and cannot sign any")
        said = msgspec.to_builtins(claims) | {"aud": claims.aud}
        return jwt.encode(said, self._signs, algorithm=self.algorithm, headers={"typ": TYP})

    def check(self, token: str, call: CallId, now: int) -> Claims:
        """What a token says of who brings it to `call`. Raises `Unauthorized`.

        `now` is microseconds since the epoch. The algorithm is the key's, whatever a token says.
        """
        try:
            if jwt.get_unverified_header(token).get("typ") != TYP:
                raise Unauthorized(f"this is no invitation: the typ of a token is {TYP}")
            said = jwt.decode(
                token, self._checks, algorithms=[self.algorithm], options=_SIGNATURE_ALONE
            )
            claims = msgspec.convert(_with_audience(said), Claims)
            _check_claims(claims)
        except _WRONG as error:
            raise Unauthorized(f"this is no invitation to a call here: {error}") from error
        if claims.call != call:
            raise Unauthorized("this invitation is for another call; ask for the link to this one")
        if claims.exp * MICROSECONDS <= now:
            raise Unauthorized("this invitation has run out; ask for a new link")
        if max(claims.iat, claims.nbf) * MICROSECONDS > now + LEEWAY:
            raise Unauthorized("this invitation is not valid yet; come back later")
        return claims


def recipe(file: str) -> str:
    """The command that makes a secret in `file`, for its owner alone."""
    return f"(umask 077; head -c 48 /dev/urandom | base64 > {file})"


HOOKS_RECIPE = '(umask 077; echo "whsec_$(head -c 32 /dev/urandom | base64)" > webhook.secret)'
"""The same for what webhooks are signed with."""


def check_secret(text: bytes, file: str) -> None:
    """Raises `BadInput` for what can be guessed; `file` is what the next one might be called."""
    wrong = ""
    if len(text) < MIN_SECRET:
        wrong = f"a secret has at least {MIN_SECRET} bytes, this one has {len(text)}"
    elif len(set(text)) < MIN_DIFFERENT:
        wrong = "a secret of so few different bytes can be guessed"
    if wrong:
        raise BadInput(f"{wrong}; make one with `{recipe(file)}`")


_SIGNATURE_ALONE: Options = {
    "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False,
    "verify_iss": False, "verify_sub": False, "verify_jti": False,
}  # fmt: skip
"""The claims are checked here, by the hub's clock and by our types."""


_WRONG = (
    jwt.PyJWTError, msgspec.ValidationError, ValueError, OverflowError, RecursionError,
)  # fmt: skip


def _check_claims(claims: Claims) -> None:
    """What types do not say. Raises `ValueError`."""
    claims.sub.encode()  # JSON can say half a character
    for name in ("iat", "nbf", "exp"):
        if not 0 <= getattr(claims, name) * MICROSECONDS < LATEST:  # nor is NaN
            raise ValueError(f"its {name} is no time")


def _with_audience(said: dict[str, object]) -> dict[str, object]:
    """The claims as they came; whom a token is for is never left to a default."""
    return {"aud": None, **said}


def _refuse_other_kinds(text: bytes) -> None:
    """A key that is written in another way is no secret: it may be public. Raises `BadInput`."""
    start = text.strip()
    kind = ""
    if _is_der(text) or _is_der(_base64(start)):
        kind = "a key in DER"
    elif start.startswith(b"{") and b'"kty"' in start:
        kind = "a JWK"
    elif start.startswith((b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"---- BEGIN SSH2")):
        kind = "an SSH key"
    if kind:
        raise BadInput(f"this is {kind}; an Ed25519 key is given in PEM, as openssl writes it")


def _is_der(data: bytes) -> bool:
    """Whether it is one SEQUENCE of just that length, of what keys in DER begin with.

    A text is none, though it may begin with `0`.
    """
    if len(data) < 2 or data[0] != 0x30 or (data.isascii() and data.decode().isprintable()):
        return False
    header, size = 2, data[1]
    if size & 0x80:
        header += size & 0x7F
        size = int.from_bytes(data[2:header], "big")
    return len(data) == header + size and data[header : header + 1] in (b"\x02", b"\x30")


def _base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return b""


def _read_pem(text: bytes) -> tuple[Ed25519PrivateKey | None, Ed25519PublicKey]:
    try:
        if b"PRIVATE KEY" in text:
            private = load_pem_private_key(text, None)
            if isinstance(private, Ed25519PrivateKey):
                return private, private.public_key()
        else:
            public = load_pem_public_key(text)
            if isinstance(public, Ed25519PublicKey):
                return None, public
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadInput(f"this PEM cannot be read: {error}") from error
    raise BadInput(
        "a PEM key is an Ed25519 key; make one with `openssl genpkey -algorithm ed25519`"
    )
