"""Every error callmesh raises, drawn once; `vectors/errors.json` has the table for both languages.

    CallmeshError
    ├── BadInput                what was handed over breaks a rule of form
    │   ├── WireError           bytes on a link that are no message, or none that is allowed now
    │   ├── TooLarge            a message, value, key or name beyond its limit
    │   ├── BadValue            a value that is not JSON within the limits, or a key that is no path
    │   ├── BadName             an id or a name that cannot be one
    │   └── BadManifest         an app's manifest that is not true
    ├── Refused                 understood, and not allowed
    │   ├── Denied              a write that the rules, the clock or a limit forbid; undone locally
    │   ├── Unauthorized        who you are does not let you in
    │   ├── Declined            a host, or the operator, did not let you in
    │   ├── NoSuchCall          there is no such call here
    │   └── TooFast             more than a window or a limit allows
    ├── Ended                   the four words of closing, and their reasons
    │   ├── Closed              closed by us
    │   ├── EndedByPeer         ended by them
    │   ├── Replaced            the same participant came in over another link
    │   ├── Removed             you were taken out of the call, or are kept out
    │   ├── CallOver            the call was ended for everybody
    │   ├── Restarting          the hub ends, and another is about to take its place
    │   ├── Broken              the link or the path broke
    │   └── WouldBlock          a bounded buffer is full
    ├── TimedOut                what was waited for did not come in time
    ├── Unreachable             a host that an app fetches from was not reached: nothing was sent
    ├── EndpointFailed          it was reached, and gave no answer that can be handed on
    └── StorageFailed           the disk said no

`code` names the error on the wire; `close` is the WebSocket close code that a session ends with,
`reconnect` tells the one who is closed whether coming back can help.
"""

from typing import ClassVar


class CallmeshError(Exception):
    """The root. `str(error)` is a sentence that says what to do where there is something to do."""

    code: ClassVar[str] = "error"
    close: ClassVar[int] = 1011
    reconnect: ClassVar[bool] = True


class BadInput(CallmeshError):
    code = "bad_input"
    close = 4400
    reconnect = False


class WireError(BadInput):
    code = "bad_message"


class TooLarge(BadInput):
    code = "too_large"
    close = 4413


class BadValue(BadInput, ValueError):
    code = "bad_value"


class BadName(BadInput, ValueError):
    code = "bad_name"
    close = 4422


class BadManifest(BadInput):
    code = "bad_manifest"


class Refused(CallmeshError):
    code = "refused"
    close = 4403
    reconnect = False


class Denied(Refused):
    """A write that was undone.

    `reason` is one of `DENIALS`; `key` the key that was written, where one write was meant.
    """

    code = "denied"

    def __init__(self, reason: str, why: str, key: str = "") -> None:
        super().__init__(why)
        self.reason = reason
        self.key = key


class Unauthorized(Refused):
    code = "unauthorized"
    close = 4401


class Declined(Refused):
    code = "declined"
    close = 4410


class NoSuchCall(Refused):
    code = "no_such_call"
    close = 4404


class TooFast(Refused):
    code = "too_fast"
    close = 4429
    reconnect = True


class Ended(CallmeshError):
    code = "ended"
    close = 1000
    reconnect = False


class Closed(Ended):
    code = "closed"


class EndedByPeer(Ended):
    code = "ended_by_peer"
    close = 1001
    reconnect = True


class Replaced(Ended):
    code = "replaced"
    close = 4409


class Removed(Ended):
    code = "removed"
    close = 4411


class CallOver(Ended):
    code = "call_over"
    close = 4412


class Restarting(Ended):
    """Come back, but not all at once: see `connection.SPREAD`."""

    code = "restarting"
    close = 4012
    reconnect = True


class Broken(Ended):
    """`sender` is the participant whose stream messages are lost, where that is what broke."""

    code = "broken"
    close = 1006
    reconnect = True

    def __init__(self, why: str, sender: str = "") -> None:
        super().__init__(why)
        self.sender = sender


class WouldBlock(Ended):
    code = "would_block"
    close = 4429
    reconnect = True


class TimedOut(CallmeshError, TimeoutError):
    code = "timed_out"
    close = 4408


class Unreachable(CallmeshError):
    code = "unreachable"


class EndpointFailed(CallmeshError):
    code = "endpoint_failed"


class StorageFailed(CallmeshError):
    code = "storage_failed"
    close = 4503


DENIALS = (
    "no_right",  # the role or a key rule of the app forbids it
    "no_resource",  # no such resource in the call, or it was removed
    "no_app",  # the hub has no app of that name
    "bad_value",  # not JSON within the limits, or not what the call's own State allows there
    "foreign_writer",  # written in somebody else's name
    "clock_ahead",  # stamped more than a few seconds in the future
    "full",  # the State holds as much as it may
    "read_only",  # the hub cannot save at the moment; what was saved is safe
    "no_capability",  # the app's manifest does not ask for what it uses
    "outdated",  # written for another version of the resource's state: reload the app
    "nobody",  # a command about a person who is not there
    "last_host",  # a command that would leave those in the call without a host
)


def _tree(root: type[CallmeshError]) -> list[type[CallmeshError]]:
    return [root, *(found for child in root.__subclasses__() for found in _tree(child))]


BY_CODE: dict[str, type[CallmeshError]] = {kind.code: kind for kind in _tree(CallmeshError)}
BY_CLOSE: dict[int, type[CallmeshError]] = {
    kind.close: kind
    for kind in (
        CallmeshError, WireError, TooLarge, BadName, Refused, Unauthorized, Declined, NoSuchCall,
        TooFast, Closed, EndedByPeer, Replaced, Removed, CallOver, Restarting, Broken, TimedOut,
        StorageFailed,
    )
}  # fmt: skip


_STANDARD: dict[int, type[CallmeshError]] = {
    1000: EndedByPeer,
    1001: EndedByPeer,
    1009: TooLarge,
    1012: Restarting,
}


def from_close(code: int, reason: str) -> CallmeshError:
    """What a WebSocket close code means to the one who was closed."""
    kind = _STANDARD.get(code) or BY_CLOSE.get(code, Broken)
    return kind(reason or f"the link was closed with code {code}")


def from_wire(code: str, message: str) -> CallmeshError:
    """The error that a peer named. A code from a later version is a plain `CallmeshError`."""
    kind = BY_CODE.get(code, CallmeshError)
    return Denied(code, message) if kind is Denied else kind(message)
