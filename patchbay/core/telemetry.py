"""Logs as JSON lines, trace ids that travel (W3C Trace Context), and no secret in either."""

import json
import logging
import os
import random
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

import orjson

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z", re.ASCII)
_SECRETS = re.compile(
    r"""(?P<kept>\bBearer\s+)[A-Za-z0-9._~+/=-]+  # an Authorization header
    | (?P<scheme>://[^\s/:@"]*:)[^\s/@"]+(?=@)  # the password of a URL
    | (?<![A-Za-z0-9])(?P<prefix>pb_)[A-Za-z0-9_-]{6,}  # our own tokens""",
    re.VERBOSE | re.IGNORECASE,
)
_ENCODER = json.JSONEncoder(default=str)
_CHANCE = random.Random()
"""Trace ids must differ, and are no secrets (W3C Trace Context, 6.2): the operating system need not be asked for each."""
os.register_at_fork(after_in_child=_CHANCE.seed)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span of a trace: 32 hex digits of trace id, 16 of span id."""

    trace_id: str
    span_id: str
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        """The W3C header for calls made from this span."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def child(self) -> "TraceContext":
        """A new span of the same trace."""
        return TraceContext(self.trace_id, _span_id(), self.sampled)


_trace: ContextVar[TraceContext | None] = ContextVar("patchbay_trace", default=None)
_request_id: ContextVar[str | None] = ContextVar("patchbay_request_id", default=None)


def new_trace() -> TraceContext:
    """The first span of a new trace."""
    return TraceContext(_nonzero(16), _span_id())


def parse_traceparent(header: str | None) -> TraceContext | None:
    """The caller's span; None when there is no header or W3C Trace Context says to ignore it."""
    found = _TRACEPARENT.match((header or "").strip())
    if not found:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    ignored = version == "ff" or (version == "00" and more) or not trace_id.strip("0") or not span_id.strip("0")
    return None if ignored else TraceContext(trace_id, span_id, bool(int(flags, 16) & 1))


def continue_trace(header: str | None) -> TraceContext:
    """A span of ours in the caller's trace, or in a new one when the header gives none."""
    caller = parse_traceparent(header)
    return caller.child() if caller else new_trace()


def current_trace() -> TraceContext | None:
    """The span this code runs in; None outside of any."""
    return _trace.get()


def current_trace_id() -> str | None:
    """The trace id this code runs in; None outside of any."""
    trace = _trace.get()
    return trace.trace_id if trace else None


def current_request_id() -> str | None:
    """The id of the HTTP request being served; None outside of one."""
    return _request_id.get()


@contextmanager
def bound(trace: TraceContext, request_id: str | None = None) -> Iterator[TraceContext]:
    """Everything inside logs and calls under this trace and request id; what was bound before comes back after."""
    trace_token, request_token = _trace.set(trace), _request_id.set(request_id)
    try:
        yield trace
    finally:
        _trace.reset(trace_token)
        _request_id.reset(request_token)


def redact(text: str) -> str:
    """The text without Patchbay tokens, bearer credentials and URL passwords."""
    lower = text.lower()
    # What each of the secrets has in it: most lines have none, and looking for these costs far less than matching.
    if "pb_" not in lower and "bearer" not in lower and "://" not in lower:
        return text
    return _SECRETS.sub(lambda found: f"{found['kept'] or found['scheme'] or found['prefix']}…", text)


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message, trace_id, request_id, extra fields, error; redacted."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, object] = {
            "at": f"{_second(int(record.created))}.{int(record.created % 1 * 1000):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        more = {"trace_id": current_trace_id(), "request_id": current_request_id(), **_extra(record)}
        line |= {name: value for name, value in more.items() if value is not None}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return redact(_encoded(line))


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


@lru_cache(maxsize=2)
def _second(since_epoch: int) -> str:
    return datetime.fromtimestamp(since_epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _encoded(line: Mapping[str, object]) -> str:
    try:
        return orjson.dumps(line, default=str).decode()
    except TypeError:  # half a surrogate pair, or a number of more than 64 bits
        return _ENCODER.encode(line)


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Makes every logger of the process write JSON lines to the stream (None: stderr); ValueError for a bad level."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    # No line has the thread, the process or the place in the source, so no record need look them up.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # as "Optimization" in Python's logging HOWTO has it
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in ("httpx", "httpcore"):  # at INFO they tell of every call that goes well
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _span_id() -> str:
    return _nonzero(8)


def _nonzero(size: int) -> str:
    return f"{_CHANCE.getrandbits(8 * size) or 1:0{2 * size}x}"
