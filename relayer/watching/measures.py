"""What each process counts and times by itself; :mod:`.metrics` puts the processes together.

Labels take a value from a closed list, or one that no trader chooses (the template of a route, the number of an endpoint). None can hold
what an order says, whom it is from, a key or a token: :func:`short` refuses everything else.
"""

from __future__ import annotations

import re
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry(auto_describe=False)
"""This process's own measures."""
LABEL: Final = re.compile(r"(/v1)?[A-Za-z/][A-Za-z_./{}-]{0,63}|[0-9]{1,3}")
OTHER: Final = "other"

MILLISECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
GROUPS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def short(value: object) -> str:
    """A label's value: a word without digits, or a number below 1,000; anything else is ``other``."""
    text = str(value)
    return text if LABEL.fullmatch(text) else OTHER


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, registry=REGISTRY)


INTAKE_SECONDS: Final = Histogram(
    "tacit_intake_seconds", "From a request's arrival to its answer", buckets=MILLISECONDS, registry=REGISTRY
)
INTAKE_GROUP: Final = Histogram("tacit_intake_group", "Orders stored in one commit", buckets=GROUPS, registry=REGISTRY)
INTAKE_ACCEPTED: Final = _counter("tacit_intake_accepted", "Orders acknowledged", "state")
INTAKE_REFUSED: Final = _counter("tacit_intake_refused", "Orders refused", "code")
INTAKE_QUEUE: Final = _gauge("tacit_intake_queue", "Requests that wait to be taken in")
HTTP_SECONDS: Final = Histogram(
    "tacit_http_seconds",
    "Requests by template of their route",
    ["route", "method"],
    buckets=MILLISECONDS,
    registry=REGISTRY,
)
HTTP_REQUESTS: Final = _counter("tacit_http_requests", "Requests answered", "route", "method", "status")
WEBSOCKETS: Final = _gauge("tacit_websockets", "Connections open")
WEBHOOKS: Final = _counter("tacit_webhook_deliveries", "Events told to addresses", "result")
PROVING_SECONDS: Final = _counter("tacit_proving_seconds", "Seconds of proving", "phase")
PROOFS: Final = _counter("tacit_proofs", "Proofs made", "circuit")
STEP_SECONDS: Final = _counter("tacit_step_seconds", "Seconds in steps of the worker", "step")
STEPS: Final = _counter("tacit_steps", "Steps of the worker", "step", "result")
RPC_REQUESTS: Final = _counter(
    "tacit_rpc_requests", "Requests to endpoints by their place in the settings", "endpoint", "result"
)
RPC_LAG: Final = _gauge("tacit_rpc_lag_blocks", "Blocks that an endpoint is behind the furthest", "endpoint")
REPLACED: Final = _counter("tacit_transaction_replacements", "Transactions sent again with higher fees")
DROPPED: Final = _counter("tacit_transaction_drops", "Transactions that a private endpoint dropped")
FALLBACKS: Final = _counter("tacit_transaction_fallbacks", "Transactions sent publicly after private submission failed")


def refused(code: str) -> None:
    """Counts an order that was refused with a code."""
    INTAKE_REFUSED.labels(short(code)).inc()


def accepted(state: str) -> None:
    """Counts an order that was acknowledged as ``receipted`` or ``waiting``."""
    INTAKE_ACCEPTED.labels(short(state)).inc()


def answered(route: str, method: str, status: int, seconds: float) -> None:
    """Counts a request; ``route`` is the template (``/v1/orders/{id}``), never the path."""
    HTTP_SECONDS.labels(short(route), short(method)).observe(seconds)
    HTTP_REQUESTS.labels(short(route), short(method), short(status)).inc()


def proved(phase: str, seconds: float, name: str) -> None:
    """Counts what :class:`prover.proof.Progress` tells: a phase of a proof, or with ``done`` a whole one."""
    if phase == "done":
        PROOFS.labels("closing" if name == "closing" else "segment").inc()
    elif phase != "stored":
        PROVING_SECONDS.labels(short(phase)).inc(seconds)


def stepped(step: str, seconds: float, result: str) -> None:
    """Counts a step of the worker: ``worked``, ``idle``, ``standby`` or ``failed``."""
    STEP_SECONDS.labels(short(step)).inc(seconds)
    STEPS.labels(short(step), short(result)).inc()


def delivered(result: str) -> None:
    """Counts a webhook that was told: ``delivered`` or ``failed``."""
    WEBHOOKS.labels(short(result)).inc()
