"""Who comes in, and as whom: by a token, or, on a hub without a key for them, whoever asks."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

import msgspec

from callmesh.clock import MICROSECONDS
from callmesh.door import Visitor
from callmesh.errors import Refused, StorageFailed, Unauthorized
from callmesh.folder import write_whole
from callmesh.ids import CallId, ParticipantId, PersonId, ResourceId, display_name, issue
from callmesh.keys import is_key
from callmesh.messages import Hello
from callmesh.participant import Participant, Role
from callmesh.tokens import Claims, Key
from callmesh.visits import LONGEST

SECRET_BYTES = 32
HALF = "half."
"""What tokens of Python halves begin with, and no JWT."""


@dataclass(frozen=True, slots=True)
class Resume:
    """What a proof of having been in a call says."""

    participant: ParticipantId
    generation: int
    given: int
    """When, microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class _Half:
    """Whom a hub has invited that is the Python half of a resource."""

    call: CallId
    resource: ResourceId
    name: str
    until: int


class Authority:
    """Gives out proofs, and knows its own. They hold as long as the secret does.

    `key` checks the tokens of those who come; without one, nobody needs a token.
    """

    def __init__(self, secret: bytes, key: Key | None = None) -> None:
        self._secret = secret
        self._key = key
        self._halves: dict[str, _Half] = {}
        """By the tokens with which they come: each counts once, and none outlives the process."""

    @property
    def is_open(self) -> bool:
        """Whether it lets in whoever asks."""
        return self._key is None

    def check(
        self, call: CallId, hello: Hello, now: int, *, here: bool = False
    ) -> Participant | None:
        """Raises `Unauthorized` or `BadName` for who brings nothing that could let them in.

        To be asked before anything of the call is touched. Tells who it is, where a token says so.
        `here` is whether the call is in memory; into another one nobody comes back by a proof that
        is older than `LONGEST`.
        """
        if hello.resume:
            given = self.read_resume(call, hello.resume).given
            if here or now - given <= LONGEST:
                return None
        if half := self._invited_half(call, hello, now):
            return self._as_half(half, hello).participant
        visitor = self.visitor(call, hello, now)
        return None if self.is_open else visitor.participant

    def visitor(self, call: CallId, hello: Hello, now: int) -> Visitor:
        """Who comes for the first time, or anew. Raises `BadName` or `Unauthorized`.

        `now` is microseconds since the epoch.
        """
        if half := self._invited_half(call, hello, now):
            self.withdraw(hello.token or "")
            return self._as_half(half, hello)
        if self._key is None:
            known = self._read_person(hello.person) if hello.person else None
            person = known or PersonId(issue("u", secrets.token_bytes(8)))
            return Visitor(_participant(person, hello.name, hello.role or Role.HOST, hello))
        if not hello.token:
            raise Unauthorized("this call is opened by an invitation; ask its host for a link")
        claims = self._key.check(hello.token, call, now)
        name = hello.name if claims.name is None else claims.name
        return Visitor(
            _participant(self.person_called(claims.sub), name, claims.role, hello),
            issued=int(claims.iat * MICROSECONDS),
            waits=claims.wait,
        )

    # --- Python halves

    def invite_half(self, call: CallId, resource: ResourceId, name: str, now: int) -> str:
        """A token for the Python half of a resource: for a minute, and for one who comes."""
        for old in [token for token, half in self._halves.items() if half.until <= now]:
            self.withdraw(old)
        token = HALF + secrets.token_urlsafe(SECRET_BYTES)
        self._halves[token] = _Half(call, resource, name, now + 60 * MICROSECONDS)
        return token

    def withdraw(self, token: str) -> None:
        """The token of a half counts no more."""
        self._halves.pop(token, None)

    def _invited_half(self, call: CallId, hello: Hello, now: int) -> _Half | None:
        """Whose token it is, where it is one of a half. Raises `Unauthorized`."""
        if not hello.token or not hello.token.startswith(HALF):
            return None
        half = self._halves.get(hello.token)
        if half is None or half.call != call or half.until <= now:
            raise Unauthorized("the hub invites a Python half once, and this was for another time")
        return half

    def _as_half(self, half: _Half, hello: Hello) -> Visitor:
        """One person for all halves that a resource ever has, and nobody else."""
        said = f"half/{half.call}/{half.resource}"
        digest = hmac.digest(self._secret, said.encode(), hashlib.sha256)
        person = PersonId(issue("u", digest[:15]))
        me = _participant(person, half.name, Role.GUEST, hello)
        me = msgspec.structs.replace(me, half=half.resource)
        return Visitor(me, waits=False)

    # --- persons

    def person_called(self, subject: str) -> PersonId:
        """The same for the same subject, and no way back to it: an operator's may be an address."""
        digest = hmac.digest(self._secret, b"person/" + subject.encode(), hashlib.sha256)
        return PersonId(issue("u", digest[:15]))

    def sign(self, claims: Claims) -> str:
        """A token for who is to come in. Raises `Refused` where there is no key that signs."""
        if self._key is None:
            raise Refused("this hub lets in whoever asks: it has no key, and needs no invitations")
        if not self._key.can_sign:
            raise Refused("this hub's key is a public one: it checks tokens, and cannot sign any")
        return self._key.sign(claims)

    def person_proof(self, person: PersonId) -> str:
        """Opaque to whoever holds it."""
        return f"{person}.{self._seal('proof', person)}"

    def _read_person(self, proof: str) -> PersonId:
        person, _, seal = proof.partition(".")
        if seal.isascii() and hmac.compare_digest(seal, self._seal("proof", person)):
            return PersonId(person)
        raise Unauthorized("the person proof is not from this hub; join without it to come in anew")

    def resume_proof(self, call: CallId, resume: "Resume") -> str:
        """Opaque to whoever holds it, and of this call alone."""
        said = f"{resume.participant}.{resume.generation}.{resume.given}"
        return f"{said}.{self._seal(f'resume/{call}', said)}"

    def read_resume(self, call: CallId, proof: str) -> "Resume":
        """What a proof of ours says. Raises `Unauthorized`."""
        found = _RESUME.fullmatch(proof)
        if found and hmac.compare_digest(found[5], self._seal(f"resume/{call}", found[1])):
            return Resume(ParticipantId(found[2]), int(found[3]), int(found[4]))
        raise Unauthorized("the proof of having been here is not from this call; join again")

    def ticket(self, call: CallId, participant: ParticipantId, expires: int) -> str:
        """What its holder may bring and fetch files of this call with, and nothing else."""
        said = f"{participant}.{expires}"
        return f"{said}.{self._seal(f'files/{call}', said)}"

    def read_ticket(self, call: CallId, ticket: str, now: int) -> ParticipantId:
        """Whose it is. Raises `Unauthorized`."""
        found = _TICKET.fullmatch(ticket)
        if found and hmac.compare_digest(found[4], self._seal(f"files/{call}", found[1])):
            if now < int(found[3]):
                return ParticipantId(found[2])
            raise Unauthorized("this ticket for files was good until a while ago; ask for another")
        raise Unauthorized("files are brought and fetched with a ticket of this call")

    def _seal(self, what: str, said: str) -> str:
        return hmac.digest(self._secret, f"{what}/{said}".encode(), hashlib.sha256).hex()


def _participant(person: PersonId, name: str, role: str, hello: Hello) -> Participant:
    """A new presence of a person. Raises `BadName`."""
    id = ParticipantId(issue("p", secrets.token_bytes(8)))
    key = hello.key if is_key(hello.key) else ""
    return Participant(id, person, display_name(name), Role(role), hello.offers, key=key)


_RESUME = re.compile(
    r"((p[0-9a-z]{1,24})\.([1-9][0-9]{0,15})\.([0-9]{1,16}))\.([0-9a-f]{64})", re.ASCII
)


_TICKET = re.compile(r"((p[0-9a-z]{1,24})\.([0-9]{1,16}))\.([0-9a-f]{64})", re.ASCII)


def read_secret(folder: Path) -> bytes:
    """The hub's secret in `folder`, made at the first start and readable by its owner alone."""
    file = folder / "secret"
    try:
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(file, secrets.token_bytes(SECRET_BYTES))
        secret = file.read_bytes()
    except OSError as error:
        raise StorageFailed(f"{file}, the hub's secret: {error.strerror}") from error
    if len(secret) != SECRET_BYTES:
        raise StorageFailed(f"{file} is no hub's secret; put it back, or delete it for a new one")
    return secret
