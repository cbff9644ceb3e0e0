"""Who comes in, and as whom. So far for `--dev` hubs, which ask nobody for a token."""

import secrets
from pathlib import Path
from typing import Any, Literal

import jwt

from callmesh.errors import StorageFailed, Unauthorized
from callmesh.ids import CallId, ParticipantId, PersonId, display_name, issue
from callmesh.messages import Hello
from callmesh.participant import Participant, Role

RESUME_SECONDS = 24 * 3600
SECRET_BYTES = 32

Kind = Literal["person", "resume"]


class Authority:
    """Gives out proofs, and knows its own. They hold as long as the secret does."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def admit(self, call: CallId, hello: Hello, now: int) -> Participant:
        """The participant that `hello` speaks for. Raises `BadName` or `Unauthorized`.

        `now` is microseconds since the epoch.
        """
        name = display_name(hello.name)
        role = Role(hello.role or Role.HOST)
        back = self._read("resume", hello.resume, now) if hello.resume else None
        if back and back.get("call") == call:
            id, person = ParticipantId(back["sub"]), PersonId(back["person"])
            return Participant(id, person, name, Role(back["role"]), hello.offers)
        known = self._read("person", hello.person, now) if hello.person else None
        return Participant(
            id=ParticipantId(issue("p", secrets.token_bytes(8))),
            person=PersonId(known["sub"] if known else issue("u", secrets.token_bytes(8))),
            name=name,
            role=role,
            offers=hello.offers,
        )

    def person_proof(self, participant: Participant) -> str:
        return self._sign("person", {"sub": participant.person})

    def resume_proof(self, call: CallId, participant: Participant, now: int) -> str:
        return self._sign(
            "resume",
            {
                "sub": participant.id,
                "person": participant.person,
                "role": participant.role.value,
                "call": call,
                "until": now // 1_000_000 + RESUME_SECONDS,
            },
        )

    def _sign(self, kind: Kind, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._secret, algorithm="HS256", headers={"typ": kind})

    def _read(self, kind: Kind, proof: str, now: int) -> dict[str, Any] | None:
        """The claims of a proof of ours; None if it has run out. Raises `Unauthorized`."""
        try:
            if jwt.get_unverified_header(proof).get("typ") != kind:
                raise Unauthorized(f"this is no {kind} proof")
            claims: dict[str, Any] = jwt.decode(proof, self._secret, algorithms=["HS256"])
        except jwt.PyJWTError as error:
            raise Unauthorized(
                f"the {kind} proof is not from this hub; join without it to come in anew"
            ) from error
        ran_out = "until" in claims and claims["until"] * 1_000_000 < now
        return None if ran_out else claims


def read_secret(folder: Path) -> bytes:
    """The hub's secret in `folder`, made at the first start and readable by its owner alone."""
    file = folder / "secret"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        half_made = folder / "secret.new"
        half_made.touch(mode=0o600)
        half_made.write_bytes(secrets.token_bytes(SECRET_BYTES))
        half_made.rename(file)
    secret = file.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise StorageFailed(f"{file} is no hub's secret; put it back, or delete it for a new one")
    return secret
