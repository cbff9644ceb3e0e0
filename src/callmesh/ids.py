"""Ids: what they look like, how new ones are made. All ASCII: both languages order them alike."""

import re
from functools import lru_cache
from typing import NewType
from unicodedata import category

from callmesh.errors import BadName

CallId = NewType("CallId", str)
ParticipantId = NewType("ParticipantId", str)
PersonId = NewType("PersonId", str)
ResourceId = NewType("ResourceId", str)
AppId = NewType("AppId", str)
StateId = NewType("StateId", str)
"""`call`, `roster`, `apps`, `door`, `hub`, `state/<resource>` or `presence/<resource>`."""
Writer = NewType("Writer", str)
"""A participant id, or `<participant id>.<n>` for the n-th app frame that writes on its behalf."""

CALL = StateId("call")
ROSTER = StateId("roster")
APPS = StateId("apps")
"""What the hub tells of the apps in use: rules and state version, by app id."""
DOOR = StateId("door")
"""What the hub tells hosts: who waits to be let in, who is kept out, and which roles were given."""
HUB_STATE = StateId("hub")
"""What the hub tells of itself: `READ_ONLY`, while its disk refuses; `DIRECT` and `STREAMS`, where
they are set."""
READ_ONLY = "read_only"
"""Under this key, a sentence: why nothing is saved at the moment."""
DIRECT = "direct_participants"
"""The key that says up to how many participants streams go direct; 8 where it is not there."""
STREAMS = "streams"
"""The key that says how many streams a participant may have open; 32 where it is not there."""
RECORD = StateId("record")
"""What the hub keeps for itself: saved like any State, shown to nobody."""
ABOUT = "about/call"
"""The key of it under which stands what is known of the call itself."""
HUB = Writer("hub")

_CALL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_APP = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_ISSUED = re.compile(r"[pur][0-9a-z]{1,24}", re.ASCII)
_STREAM = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_STATE = re.compile(r"call|roster|apps|door|hub|(?:state|presence)/r[0-9a-z]{1,24}", re.ASCII)
_WRITER = re.compile(r"(p[0-9a-z]{1,24})(?:\.[1-9][0-9]{0,8})?", re.ASCII)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp")
"""Control and format characters, halves of pairs, private ones, spaces."""
_BLANK = re.compile(
    "[\u2800\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""The empty sign of Braille, and what Unicode has shown as nothing (`Default_Ignorable`): fillers,

joiners, selectors of variants, tags. With any of them two names are others, and look alike.
"""
MAX_STACKED = 4
"""Marks on one character; some scripts need as many. More are left out."""

REMEMBERED = 4096
"""Answers about ids that are remembered: the same few are asked about with every write."""
MAX_NAME = 80
"""Characters of a display name or a resource's title."""


def call_id(text: str) -> CallId:
    """Raise `BadName` unless `text` can be the id of a call."""
    if not is_call_id(text):
        raise BadName("a call id is 1–64 letters, digits, - or _, the first a letter or digit")
    return CallId(text)


def is_call_id(text: str) -> bool:
    return _CALL.fullmatch(text) is not None


def app_id(text: str) -> AppId:
    if not _APP.fullmatch(text):
        raise BadName("an app id is 1–40 lower-case letters, digits or -, and starts with a letter")
    return AppId(text)


def resource_id(text: str) -> ResourceId:
    if not _ISSUED.fullmatch(text) or text[0] != "r":
        raise BadName("a resource id is r and 1–24 lower-case letters or digits")
    return ResourceId(text)


def stream_name(text: str) -> str:
    if not _STREAM.fullmatch(text):
        raise BadName("a stream name is 1–64 letters, digits, . - or _")
    return text


def app_stream(text: str) -> str:
    """The name of a stream that an app may open."""
    if text.startswith("."):
        raise BadName("a stream name that begins with a dot is not for apps")
    return stream_name(text)


@lru_cache(REMEMBERED)
def state_id(text: str) -> StateId:
    if not _STATE.fullmatch(text):
        raise BadName("a state is call, roster, apps, door, hub, or state or presence/<resource>")
    return StateId(text)


def is_state(text: str) -> bool:
    return _STATE.fullmatch(text) is not None


def state_of(resource: ResourceId) -> StateId:
    return StateId(f"state/{resource}")


@lru_cache(REMEMBERED)
def presence_of(resource: ResourceId) -> StateId:
    return StateId(f"presence/{resource}")


@lru_cache(REMEMBERED)
def resource_of(state: StateId) -> ResourceId | None:
    """The resource a State belongs to; None for the call's own States."""
    _, slash, resource = state.partition("/")
    return ResourceId(resource) if slash else None


def is_presence(state: StateId) -> bool:
    return state.startswith("presence/")


def is_volatile(state: StateId) -> bool:
    """Whether a State is never saved: presence, and what the hub itself tells."""
    return state in (ROSTER, APPS, DOOR, HUB_STATE) or is_presence(state)


def is_writer(text: str) -> bool:
    """Whether entries may be signed so: by a participant, one of its app frames, or the hub."""
    return text == HUB or _WRITER.fullmatch(text) is not None


@lru_cache(REMEMBERED)
def writes_for(writer: str, participant: ParticipantId) -> bool:
    """Whether `writer` is `participant`, or one of its app frames."""
    match = _WRITER.fullmatch(writer)
    return match is not None and match[1] == participant


def writer_id(text: str) -> Writer:
    """The hub, a participant, or one of their app frames."""
    if text != HUB and not _WRITER.fullmatch(text):
        raise BadName("a writer is hub, a participant id, or that of an app frame of one")
    return Writer(text)


def person_id(text: str) -> PersonId:
    if not _ISSUED.fullmatch(text) or text[0] != "u":
        raise BadName("a person id is u and 1–24 lower-case letters or digits")
    return PersonId(text)


def display_name(text: str, *, what: str = "a name") -> str:
    """A name as people see it: one line, 1–80 characters. Markup in it is text."""
    name = _unstacked(" ".join("".join(" " if is_unseen(c) else c for c in text).split()))
    if len(name) > MAX_NAME or all(c == " " or category(c)[0] == "M" for c in name):
        raise BadName(f"{what} has 1–{MAX_NAME} visible characters")
    return name


def is_unseen(character: str) -> bool:
    """Whether it does not show, or shows as a gap. What this Unicode does not know yet may show."""
    return category(character) in _UNSEEN or _BLANK.match(character) is not None


def _unstacked(text: str) -> str:
    """The same with at most `MAX_STACKED` marks that take no place in a row."""
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if category(character) in ("Mn", "Me") else 0
        if marks <= MAX_STACKED:
            kept.append(character)
    return "".join(kept)


def issue(letter: str, entropy: bytes) -> str:
    """A new id: `p` participant, `u` person, `r` resource. `entropy` is 8 random bytes."""
    number = int.from_bytes(entropy, "big")
    digits = []
    while number:
        number, rest = divmod(number, 36)
        digits.append(_DIGITS[rest])
    return letter + ("".join(reversed(digits)) or "0")
