"""Traces are off unless asked for, and carry what logs may carry."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from relayer.watching import tracing

UNIQUE = 918_273_645_546


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.configure("worker", "", 1.0, SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()


def test_traces_are_off_without_a_collector() -> None:
    tracing.configure("worker", "", 1.0)
    with tracing.span("seal", batch=7):
        pass
    assert tracing._provider is None


def test_a_span_carries_known_attributes_alone(spans: InMemorySpanExporter) -> None:
    with tracing.span("seal", batch=7, limit=UNIQUE, state=f"limit {UNIQUE}"):
        pass
    (span,) = spans.get_finished_spans()
    assert span.name == "seal"
    assert dict(span.attributes or {}) == {"batch": 7}


def test_an_error_leaves_its_class_and_not_its_message(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match=str(UNIQUE)), tracing.span("seal"):
        raise ValueError(UNIQUE)
    (span,) = spans.get_finished_spans()
    assert dict(span.attributes or {}) == {"error": "ValueError"}
    assert str(UNIQUE) not in span.to_json()
