"""Nothing passes into a log line but what is known to be harmless."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from prover.errors import BatchError
from relayer.errors import RpcError
from relayer.watching import logs

UNIQUE = 918_273_645_546


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root, own = logging.getLogger(), logging.getLogger("relayer")
    before = (root.handlers[:], root.level, own.level)
    stream = io.StringIO()
    logs.configure("api", "info", stream)
    yield stream
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])
    logging.captureWarnings(False)
    logging.getLogger("uvicorn.access").disabled = False


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


log = logging.getLogger("relayer.somewhere")


def test_a_line_says_when_who_and_what(written: io.StringIO) -> None:
    log.info("batch sealed", extra={"batch": 7, "seconds": 0.25})
    (line,) = lines(written)
    assert line["at"].endswith("Z")
    at = line.pop("at")
    assert at.endswith("Z")
    assert line == {
        "level": "info",
        "role": "api",
        "logger": "relayer.somewhere",
        "event": "batch sealed",
        "batch": 7,
        "seconds": 0.25,
    }


def test_fields_that_are_not_known_are_left_out_and_counted(written: io.StringIO) -> None:
    log.info("order taken", extra={"limit": UNIQUE, "quantity": 1, "batch": 7})
    (line,) = lines(written)
    assert line["left_out"] == 2
    assert line["batch"] == 7
    assert str(UNIQUE) not in written.getvalue()


def test_what_another_package_adds_to_every_record_is_neither_told_nor_counted(written: io.StringIO) -> None:
    before = logging.getLogRecordFactory()

    def marked(*args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401 - what logging passes on
        record = before(*args, **kwargs)
        record.__dict__["_package_time_ns"] = UNIQUE
        return record

    logging.setLogRecordFactory(marked)
    try:
        log.info("batch sealed", extra={"batch": 7})
        log.info("order taken", extra={"limit": UNIQUE, "batch": 7})
    finally:
        logging.setLogRecordFactory(before)
    clean, dirty = lines(written)
    assert "left_out" not in clean
    assert dirty["left_out"] == 1
    assert str(UNIQUE) not in written.getvalue()


@pytest.mark.parametrize("name", sorted(logs.FIELDS))
def test_no_known_field_takes_an_amount_a_text_or_an_object(written: io.StringIO, name: str) -> None:
    for value in (UNIQUE, str(UNIQUE), f"limit {UNIQUE}", {"limit": UNIQUE}, hex(UNIQUE), "Bearer abc"):
        log.info("taken", extra={name: value})
    found = written.getvalue()
    if name not in ("seconds", "ms"):
        assert str(UNIQUE) not in found
    assert "Bearer abc" not in found


def test_a_route_passes_as_its_template_alone(written: io.StringIO) -> None:
    log.info("answered", extra={"route": "/v1/orders/{id}", "status": 200})
    log.info("answered", extra={"route": f"/v1/orders/{UNIQUE}", "status": 200})
    first, second = lines(written)
    assert first["route"] == "/v1/orders/{id}"
    assert "route" not in second


def test_what_is_formatted_into_a_message_is_left_out(written: io.StringIO) -> None:
    log.warning("limit %d of %s", UNIQUE, "somebody")
    log.warning(f"limit {UNIQUE}")
    first, second = lines(written)
    assert first["event"] == second["event"] == "unstructured"
    assert str(UNIQUE) not in written.getvalue()
    assert "somebody" not in written.getvalue()


def test_an_error_that_may_quote_an_order_leaves_its_class_code_and_place(written: io.StringIO) -> None:
    try:
        raise BatchError(f"limit {UNIQUE} is too high")
    except BatchError:
        log.exception("clearing failed")
    (line,) = lines(written)
    assert line["error"]["class"] == "BatchError"
    assert line["error"]["code"] == BatchError.code
    assert line["error"]["where"][-1].startswith("watching/test_logs.py:")
    assert str(UNIQUE) not in written.getvalue()


def test_an_error_of_the_service_itself_keeps_its_message_and_its_cause_only_its_class(written: io.StringIO) -> None:
    try:
        try:
            raise ValueError(UNIQUE)
        except ValueError as error:
            raise RpcError("node.example is silent") from error
    except RpcError:
        log.exception("asking failed")
    (line,) = lines(written)
    assert line["error"]["message"] == "node.example is silent"
    assert line["error"]["cause"]["class"] == "ValueError"
    assert str(UNIQUE) not in written.getvalue()


def test_other_packages_say_only_that_something_is_wrong_and_where(written: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.engine").error("INSERT … %s", UNIQUE, extra={"batch": 1})
    logging.getLogger("httpx").info("GET https://node.example/key")
    (line,) = lines(written)
    assert line["logger"] == "sqlalchemy.engine"
    assert line["event"] == "unstructured"
    assert "INSERT" not in written.getvalue()


def test_warnings_pass_the_same_filter(written: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(f"limit {UNIQUE}", stacklevel=1)
    assert str(UNIQUE) not in written.getvalue()
    assert lines(written)[-1]["logger"] == "py.warnings"


def test_a_request_is_known_by_its_id_in_every_line_of_it(written: io.StringIO) -> None:
    with logs.during("00ff00ff00ff00ff"):
        log.info("inside")
    log.info("outside")
    inside, outside = lines(written)
    assert inside["request"] == "00ff00ff00ff00ff"
    assert "request" not in outside


def test_requests_of_the_web_server_are_not_logged_with_their_address(written: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").warning("%s - GET /v1/orders?token=abc", "10.0.0.1")
    assert written.getvalue() == ""
