"""The hub's numbers for Prometheus. Everything is read when it is asked for; no id is a label."""

import importlib.metadata
import time
from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)  # fmt: skip
from prometheus_client.registry import Collector

from callmesh.counts import BOUNDS, Histogram
from callmesh.errors import DENIALS
from callmesh.ids import is_volatile
from callmesh.live import LiveHub
from callmesh.participant import Role

TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Of one hub: its own registry, so that two hubs in a process do not meet."""

    def __init__(self, live: LiveHub) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(HubCollector(live))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class HubCollector(Collector):
    def __init__(self, live: LiveHub) -> None:
        self._live = live

    def collect(self) -> Iterator[Metric]:
        yield _gauge(
            "callmesh_info", "The version that runs.", {importlib.metadata.version("callmesh"): 1},
            "version",
        )  # fmt: skip
        yield from self._now()
        yield from self._since_the_start()

    def _now(self) -> Iterator[Metric]:
        roles = Counter({role.value: 0 for role in Role})
        links = waiting = tombstones = unsaved = 0
        calls = list(self._live.calls)
        for call in calls:
            links += call.links
            waiting += len(call.hosted.people.knocks)
            roles.update(m.participant.role.value for m in call.hosted.people.members.values())
            ledger = call.hosted.ledger
            tombstones += sum(state.tombstones for state in ledger.states.values())
            unsaved += sum(not is_volatile(r.state) for r in ledger.since(ledger.saved))
        yield _gauge("callmesh_calls", "Calls in memory.", len(calls))
        yield _gauge(
            "callmesh_participants", "Participants, those who may come back among them.", roles,
            "role",
        )  # fmt: skip
        yield _gauge("callmesh_waiting", "People who wait to be let in.", waiting)
        yield _gauge("callmesh_links", "Links that are open or opening.", links)
        yield _gauge("callmesh_tombstones", "Deletes that are remembered.", tombstones)
        yield _gauge("callmesh_unsaved_entries", "Entries that are not on disk yet.", unsaved)
        yield _gauge(
            "callmesh_unsaved_age_seconds", "How long the oldest of them has waited.",
            self._live.counts.commits.age(time.monotonic()),
        )  # fmt: skip

        yield _gauge(
            "callmesh_read_only", "1 while nothing can be saved, so that calls are read-only.",
            self._live.read_only,
        )  # fmt: skip

    def _since_the_start(self) -> Iterator[Metric]:
        counts = self._live.counts
        joined = {role.value: counts.joined[role.value] for role in Role}
        denied = {reason: counts.denied[reason] for reason in DENIALS} | counts.denied
        yield _counter("callmesh_joins", "Links that joined.", joined, "role")
        yield _counter("callmesh_refusals", "Links that came to nothing.", counts.refused, "code")
        yield _counter(
            "callmesh_sessions_ended",
            "Links that ended after joining or waiting.",
            counts.ended,
            "code",
        )
        yield _counter("callmesh_writes_accepted", "Transactions taken.", counts.accepted)
        yield _counter("callmesh_writes_denied", "Transactions denied.", denied, "reason")
        yield _counter("callmesh_bundles_sent", "Bundles sent.", counts.bundles)
        yield _counter("callmesh_sent_bytes", "Bytes of them.", counts.sent)
        yield _counter(
            "callmesh_slowed_seconds", "Time that nothing was read from those who went too fast.",
            counts.slowed,
        )  # fmt: skip
        yield _counter(
            "callmesh_relayed_bytes", "Payload of stream messages that went by the hub.",
            counts.relayed,
        )  # fmt: skip
        hooks = {"delivered": 0, "failed": 0} | counts.webhooks
        yield _counter("callmesh_webhooks", "Webhooks sent, each try.", hooks, "result")
        fetches = {"sent": 0, "failed": 0, "unreachable": 0, "refused": 0} | counts.fetches
        yield _counter("callmesh_fetches", "What apps fetched by the hub.", fetches, "result")
        yield _counter(
            "callmesh_unprinted_lines", "Lines of Python halves, too many for the log.",
            counts.unprinted,
        )  # fmt: skip
        yield _histogram("callmesh_commit_seconds", "Time of a commit.", counts.commits.took)
        yield _counter("callmesh_commit_failures", "Commits failed.", counts.commits.failures)
        yield _histogram(
            "callmesh_loop_lag_seconds", "How late the event loop was, once a second.", counts.lag
        )


def _gauge(
    name: str, about: str, value: float | Mapping[str, float], label: str = ""
) -> GaugeMetricFamily:
    if not isinstance(value, Mapping):
        return GaugeMetricFamily(name, about, value)
    family = GaugeMetricFamily(name, about, labels=[label])
    for one, count in value.items():
        family.add_metric([one], count)
    return family


def _counter(
    name: str, about: str, value: float | Mapping[str, float], label: str = ""
) -> CounterMetricFamily:
    if not isinstance(value, Mapping):
        return CounterMetricFamily(name, about, value)
    family = CounterMetricFamily(name, about, labels=[label])
    for one, count in value.items():
        family.add_metric([one], count)
    return family


def _histogram(name: str, about: str, histogram: Histogram) -> HistogramMetricFamily:
    reached, buckets = 0, []
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], histogram.buckets, strict=True):
        reached += count
        buckets.append((bound, float(reached)))
    return HistogramMetricFamily(name, about, buckets=buckets, sum_value=histogram.total)
