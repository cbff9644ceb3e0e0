"""Tokens: what an operator says about one visitor of one call. JWT, after RFC 7519 and RFC 8725.

The header says `typ: callmesh+jwt` and `alg`, HS256 or EdDSA, as the hub's key is. The claims are
those of `Claims`; docs/reference/tokens.md is for who signs them elsewhere.
"""

import base64
import binascii
from pathlib import Path
from typing import Annotated, Any, Literal

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
    """The one call that it opens, as in `/call/<id>`."""
    role: Literal["host", "guest", "observer"]
    """What they may do there."""
    sub: Annotated[str, Meta(min_length=1, max_length=256)]
    """The person, as you name them: the same text is the same person. It is shown to nobody."""
    iat: float
    """Since when it counts, by the clock of who signs, which may be a minute ahead of the hub's.

    A person who was removed, or given another role, after that comes in no more with it, or not in
    the role that it says."""
    exp: float
    """From when on nobody comes in with it; who is in stays."""
    nbf: float = 0.0
    """Before when nobody comes in with it, where that is later than `iat`."""
    name: Annotated[str, Meta(max_length=1024)] | None = None
    """How others see them: 1–80 visible characters on one line."""
    wait: bool = True
    """`false`: they need not ask a host to be let in."""
    aud: Literal["callmesh"] = "callmesh"
    """Whom it is for."""


FORMS = {
    "call": "a text of 1–64 characters",
    "role": "host, guest or observer",
    "sub": "a text of 1–256 characters",
    "iat": "a time", "exp": "a time", "nbf": "a time",
    "name": "a text",
    "wait": "true or false",
    "aud": "callmesh, or a list with it",
}  # fmt: skip
"""What each claim is, in words. A time is in seconds since 1970, and before the year 2255."""


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
        except _FOREIGN as error:
            raise Unauthorized(FOREIGN) from error
        except _WRONG as error:
            raise Unauthorized(BROKEN) from error
        claims = _read(said)
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


FOREIGN = "this invitation was not made with this hub's key; ask for a new link"
BROKEN = "this invitation is not whole; open the whole link, or ask for a new one"
_FOREIGN = (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError)
_WRONG = (jwt.PyJWTError, ValueError, OverflowError, RecursionError)


def _read(said: dict[str, object]) -> Claims:
    """What a token says whose signature is right. Raises `Unauthorized`."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(Claims):
        if field.name in said:
            found[field.name] = _claim(field.name, said[field.name], field.type)
        elif field.required or field.name == "aud":  # never left to a default
            raise _wrong(f"it has no {field.name}, which is {FORMS[field.name]}")
    return Claims(**found)


def _claim(name: str, value: object, kind: object) -> object:
    if name == "aud" and isinstance(value, list) and "callmesh" in value:
        return "callmesh"
    try:
        claim: object = msgspec.convert(value, kind)
        if isinstance(claim, str):
            claim.encode()  # JSON can say half a character
        if isinstance(claim, float) and not 0 <= claim * MICROSECONDS < LATEST:  # nor is NaN
            raise ValueError
    except (ValueError, OverflowError) as error:
        raise _wrong(f"its {name} is not {FORMS[name]}") from error
    return claim


def _wrong(what: str) -> Unauthorized:
    return Unauthorized(f"this invitation was made wrongly, so ask for a new link: {what}")


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
