"""``/metrics``: the service in Prometheus' text form.

Three sources: this process's own measures, those that the other processes left as signs of life (each with its label ``process``), and
one look at the database. Labels are states, names and roles of ours, never anything that a trader chose (:mod:`.measures`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from relayer.config import Settings
from relayer.store import overview
from relayer.store.database import Database
from relayer.store.models import BatchState
from relayer.watching import alerts
from relayer.watching.measures import REGISTRY
from relayer.watching.status import SILENT_MS, Status, look

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
ETHER: Final = 10**18


def exposition(database: Database, settings: Settings, instance: str) -> bytes:
    """All metrics, as ``/metrics`` of the process ``instance`` answers."""
    status = look(database)
    with database.read() as session:
        others = [
            (sign.role, sign.measures)
            for sign in overview.signs(session)
            if sign.instance != instance and status.at - sign.at <= SILENT_MS
        ]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Processes([("api", generate_latest(REGISTRY).decode()), *others]))
    registry.register(Service(status, settings))
    return generate_latest(registry)


class Processes(Collector):
    """Measures of several processes by role. Two of one role on several machines are told apart by their place."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        self._texts = list(texts)

    def collect(self) -> Iterator[Metric]:
        """Each measure once, with a sample for each process."""
        families: dict[str, Metric] = {}
        places: dict[str, int] = {}
        for role, text in self._texts:
            places[role] = places.get(role, 0) + 1
            process = role if places[role] == 1 else f"{role}-{places[role]}"
            for family in text_string_to_metric_families(text):
                kept = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                kept.samples += [_of_process(sample, process) for sample in family.samples]
        yield from families.values()


def _of_process(sample: Sample, process: str) -> Sample:
    return sample._replace(labels=dict(sample.labels) | {"process": process})


class Service(Collector):
    """One look at the database."""

    def __init__(self, status: Status, settings: Settings) -> None:
        self._status, self._settings = status, settings

    def collect(self) -> Iterator[Metric]:
        """Every figure of the look."""
        status = self._status
        yield _family("tacit_build_info", "The version that runs", {status.version: 1}, "version")
        for name, states in status.counts.items():
            yield _family(f"tacit_{name}", f"Number of {name} by state", states, "state")
        yield from self._batches()
        yield from self._costs()
        yield from self._chain()
        held = {lease["name"].split(":")[0]: float(lease["held"]) for lease in status.leases}
        yield _family("tacit_lease_held", "Whether somebody does this work", held, "lease")
        alive: dict[str, float] = dict.fromkeys(alerts.ROLES, 0)
        for process in status.processes:
            alive[process["role"]] = alive.get(process["role"], 0) + (not process["silent"])
        yield _family("tacit_processes", "Processes that give signs of life", alive, "role")
        paused = {
            name: float(value) for name, value in status.policies.model_dump().items() if name.endswith("_paused")
        }
        yield _family("tacit_paused", "What the operator has paused", paused, "policy")
        holding = {alert.name for alert in alerts.conditions(status, self._settings)}
        yield _family(
            "tacit_alert",
            "Conditions that an operator must know of",
            {n: float(n in holding) for n in alerts.names()},
            "alert",
        )

    def _batches(self) -> Iterator[Metric]:
        status = self._status
        ages: dict[str, float] = {}
        for batch in status.batches:
            ages[batch.state] = max(ages.get(batch.state, 0.0), (status.at - batch.since) / 1000)
        yield _family("tacit_batch_age_seconds", "Age in its state of the oldest batch that is not over", ages, "state")
        yield _gauge("tacit_batch_last_settled", "Number of the last batch settled on chain", status.last_settled)
        yield _gauge(
            "tacit_batch_proofs_done",
            "Proofs there of the batches underway",
            sum(b.proofs_done for b in status.batches),
        )
        yield _gauge(
            "tacit_batch_proofs_total",
            "Proofs that the batches underway need",
            sum(b.proofs_total or 0 for b in status.batches),
        )
        taking = [batch for batch in status.batches if batch.state == BatchState.OPEN]
        if taking:
            yield _gauge("tacit_batch_orders", "Orders in the open batch", taking[-1].orders)
            yield _gauge("tacit_batch_covered", "Orders of the open batch that the bond covers", taking[-1].covered)
        waited = 0 if status.oldest_transaction is None else (status.at - status.oldest_transaction) / 1000
        yield _gauge("tacit_transaction_oldest_seconds", "Age of the oldest transaction that is not mined", waited)

    def _costs(self) -> Iterator[Metric]:
        status = self._status
        yield _gauge("tacit_gas_per_order", "Gas an order of the last settled batches", status.gas_per_order or 0)
        yield _gauge(
            "tacit_ether_per_order", "Coins an order of the last settled batches", (status.wei_per_order or 0) / ETHER
        )
        yield _gauge("tacit_database_bytes", "Size of the database", status.database_bytes)
        if status.free_bytes is not None:
            yield _gauge("tacit_disk_free_bytes", "Free on the database's disk", status.free_bytes)
        if status.key_ends is not None:
            left = (status.key_ends - status.at) / 1000
            yield _gauge("tacit_encryption_key_seconds", "To the end of the last encryption key", left)

    def _chain(self) -> Iterator[Metric]:
        seen = self._status.observed
        if seen is None:
            return
        yield _gauge("tacit_block", "Newest block seen", seen.block)
        yield _gauge(
            "tacit_block_age_seconds", "Age of the newest block seen", self._status.at / 1000 - seen.block_time
        )
        yield _gauge("tacit_observed_age_seconds", "Since the worker last looked", (self._status.at - seen.at) / 1000)
        yield _gauge(
            "tacit_rpc_disagreement", "Whether endpoints give different blocks of one number", float(seen.disagreement)
        )
        if seen.balance is not None:
            yield _gauge("tacit_operator_ether", "Balance of the operator's account", seen.balance / ETHER)
        if seen.bond is not None:
            yield _gauge("tacit_bond_ether", "Free in the bond contract", seen.bond / ETHER)
        if seen.bond_orders is not None:
            yield _gauge("tacit_bond_orders", "Orders that the free bond is enough for", seen.bond_orders)
        if seen.exit_deadline is not None:
            left = seen.exit_deadline - self._status.at / 1000
            yield _gauge("tacit_exit_deadline_seconds", "To the deadline of the first exit in the queue", left)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _family(name: str, text: str, values: dict[str, float] | dict[str, int], label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
