"""Log lines are JSON, carry the trace, and never a secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from patchbay.core import telemetry

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TOKEN = "pb_Zx81-abcDEF_0123456789"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Where the process logs to during the test; its own logging is put back after."""
    root = logging.getLogger()
    handlers, level, stream = root.handlers[:], root.level, io.StringIO()
    telemetry.configure_logging("info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def _only_line(log: io.StringIO) -> dict[str, Any]:
    (line,) = log.getvalue().splitlines()
    parsed = json.loads(line)
    assert isinstance(parsed, dict)
    return parsed


def test_a_line_says_when_what_and_in_which_trace(log: io.StringIO) -> None:
    with telemetry.bound(telemetry.continue_trace(TRACEPARENT), request_id="r-1"):
        logging.getLogger("patchbay.x").info("read %d rows", 3, extra={"stream": "usage"})
    line = _only_line(log)
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "patchbay.x", "read 3 rows")
    assert (line["trace_id"], line["request_id"], line["stream"]) == (
        "0af7651916cd43dd8448eb211c80319c",
        "r-1",
        "usage",
    )
    assert line["at"].endswith("Z")


def test_less_severe_records_are_not_logged(log: io.StringIO) -> None:
    logging.getLogger("patchbay.x").debug("noise")
    assert log.getvalue() == ""
    with pytest.raises(ValueError, match="LOUD"):
        telemetry.configure_logging("loud")


def test_a_secret_is_never_logged_wherever_it_hides(log: io.StringIO) -> None:
    logger = logging.getLogger("patchbay.x")
    try:
        raise RuntimeError(f"refused {TOKEN}")
    except RuntimeError:
        logger.exception(
            "call with %s failed\nat postgresql://app:hush@db/x",
            TOKEN,
            extra={"headers": {"Authorization": "Bearer eyJh.bGc="}},
        )
    text = log.getvalue()
    assert TOKEN not in text and "Zx81" not in text and "hush" not in text and "eyJh" not in text
    assert "pb_…" in _only_line(log)["error"] and "RuntimeError" in _only_line(log)["error"]


@pytest.mark.parametrize("odd", ["\ud800", 2**70, {1: "a"}, {"a"}], ids=["half a pair", "huge", "number as key", "set"])
def test_what_json_hardly_holds_is_still_one_line(log: io.StringIO, odd: Any) -> None:
    logging.getLogger("test").info("odd", extra={"odd": odd})
    assert log.getvalue().encode("utf-8").count(b"\n") == 1
    assert _only_line(log)["odd"] in (odd, str(odd), {"1": "a"})


def test_redaction_leaves_other_words_alone() -> None:
    text = "http://127.0.0.1:8400/v1/plugins is up; mpb_counter, see pb_ and https://example.org/a:b@c"
    assert telemetry.redact(text) == text


def test_a_callers_trace_is_continued_in_a_new_span() -> None:
    span = telemetry.continue_trace(TRACEPARENT)
    assert span.trace_id == "0af7651916cd43dd8448eb211c80319c" and span.span_id != "b7ad6b7169203331"
    assert telemetry.parse_traceparent(span.traceparent) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        TRACEPARENT.upper(),
        "ff" + TRACEPARENT[2:],
        TRACEPARENT + "-more",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
    ],
)
def test_a_header_w3c_says_to_ignore_starts_a_new_trace(header: str | None) -> None:
    assert telemetry.parse_traceparent(header) is None
    assert telemetry.continue_trace(header) != telemetry.continue_trace(header)


def test_a_later_version_of_the_header_is_read_as_far_as_it_is_known() -> None:
    trace = telemetry.parse_traceparent("01" + TRACEPARENT[2:-2] + "00-what-comes-next")
    assert trace is not None and not trace.sampled


def test_what_was_bound_before_comes_back_after() -> None:
    outer = telemetry.new_trace()
    with telemetry.bound(outer, "outer"):
        with telemetry.bound(telemetry.new_trace()):
            assert telemetry.current_request_id() is None and telemetry.current_trace_id() != outer.trace_id
        assert (telemetry.current_request_id(), telemetry.current_trace()) == ("outer", outer)
    assert telemetry.current_trace() is None and telemetry.current_trace_id() is None


def test_calls_that_go_well_are_not_logged_by_the_http_client(log: io.StringIO) -> None:
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).info("HTTP Request: GET http://x/v1/me")
    assert log.getvalue() == ""
    logging.getLogger("httpx").warning("odd")
    assert _only_line(log)["message"] == "odd"
