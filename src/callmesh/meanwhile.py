"""What who waits to be let in is shown meanwhile: apps that ask for consent, or take a history.

Of a resource whose access is set for `waiting` they get its record and the rules of its app, as a
batch would bring them, and nothing of what is in it. What they write stays with them, and is
written like anything else once they are let in.
"""

from callmesh.callstate import WAITING, CallState
from callmesh.ids import APPS, CALL, HUB
from callmesh.ledger import Ledger
from callmesh.messages import Group
from callmesh.participant import Access, Role
from callmesh.resource import access_key, key_of, version_key
from callmesh.state import Entry
from callmesh.values import decode, encode


def shown_to(role: Role, call: CallState, ledger: Ledger) -> list[Group]:
    """For one who would come in with that role; the oldest resource first."""
    told, apps = ledger.state(CALL).entries, ledger.state(APPS).entries
    records: list[Entry] = []
    rules: dict[str, Entry] = {}
    for id, record in sorted(call.resources.items(), key=lambda item: (item[1].added, item[0])):
        access = call.settings(id).get(WAITING, Access.HIDDEN)
        if access is Access.HIDDEN or key_of(id) not in told:
            continue
        records.append(told[key_of(id)])
        records.append(_said(access_key(id, role.value), access.value))
        if version_key(id) in told:
            records.append(told[version_key(id)])
        if record.app in apps:
            rules[record.app] = _without_capabilities(apps[record.app])
    if not records:
        return []
    return [Group(CALL, records), Group(APPS, [*rules.values()])]


def _said(key: str, value: object) -> Entry:
    return Entry(key, 0, HUB, encode(value))


def _without_capabilities(told: Entry) -> Entry:
    """There is nobody to send anything to."""
    return _said(told.key, {**decode(told.value), "capabilities": []})
