"""Traces by OTLP over HTTP, off unless a collector is set.

:func:`span` costs a comparison while traces are off. A span carries attributes of :data:`relayer.watching.logs.FIELDS` alone, each of
its own form, and of an error its class: what may not be in logs may not be in traces, an exception's message neither.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from relayer.watching.logs import FIELDS

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

NAME: Final = "tacit.relayer"

_provider: TracerProvider | None = None


def configure(role: str, endpoint: str, ratio: float, processor: SpanProcessor | None = None) -> None:
    """Starts traces to a collector (``http://HOST:4318/v1/traces``), or with "" none; ``processor`` stands in for the exporter."""
    global _provider
    stop()
    if not endpoint and processor is None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    resource = Resource({"service.name": NAME, "service.instance.role": role})
    provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(ratio)), shutdown_on_exit=False)
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    _provider = provider


def stop() -> None:
    """Sends what is left and ends traces."""
    global _provider
    if _provider is not None:
        _provider.shutdown()
    _provider = None


Note = Callable[..., None]
"""Adds attributes to a span, by name."""


@contextmanager
def span(name: str, **attributes: object) -> Iterator[Note]:
    """A span around what is done inside, which may add what it finds out."""
    if _provider is None:
        yield _nowhere
        return
    tracer = _provider.get_tracer(NAME)
    with tracer.start_as_current_span(
        name, attributes=_known(attributes), record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield lambda **found: made.set_attributes(_known(found))
        except BaseException as error:
            made.set_attribute("error", type(error).__name__)
            raise


def _known(attributes: Mapping[str, object]) -> dict[str, str | float]:
    return {
        key: value
        for key, value in attributes.items()
        if key in FIELDS and FIELDS[key](value) and isinstance(value, (str, int, float))
    }


def _nowhere(**_: object) -> None:
    """Traces are off."""
