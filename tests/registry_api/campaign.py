"""A schemathesis campaign: every route of the API document with valid and broken requests, each answer judged by all checks."""

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events

LINES = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
ACTING = "Patchbay-Tenant"
KEY = "Idempotency-Key"
ACCEPTED = ["2xx", "3xx", "401", "402", "403", "404", "409", "412", "422", "428", "429"]
"""What a request of the right form may be answered: 422 says that its meaning is not right, 400 that its form is not, 428 that
it would change what is there and names no revision of it.
"""

WITHOUT_HEADER = ["400", "401", "403", "404", "428"]
"""What a request without a header that it needs may be answered."""

BEYOND_SCHEMA = {
    "bad_cursor": "a cursor is sealed by the registry, and no schema can tell one from a word",
    "unreadable_body": "to a schema an Arrow stream is any bytes",
    "unknown_event": "events will be added, so the schema names none: a client made today may name tomorrow's",
    "bad_signing_key": "a pattern can count characters, but not the bytes that base64 stands for",
    "exactly_one": "fields that exclude each other are said in words; client generators make nothing usable of oneOf",
    "time_out_of_range": "a time may not lie in the future; the schema cannot say when it is now",
}
"""Codes of refusals of what a JSON schema cannot express: positive_data_acceptance may not demand a success."""

BY_ITEM = "items are refused one by one in the answer's `rejects`, so that the rest of a batch is not lost"
SHARED_PATH = "the last segment may also be an id or name, so that other methods on this very path are another route's"
RESERVED = "to a schema an address in a domain that is kept for examples is an address; no mail would ever get there"
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("positive_data_acceptance", "PUT /v1/automation/contacts/{team}"): RESERVED,
    ("negative_data_rejection", "POST /v1/catalogue/batches"): BY_ITEM,
    ("negative_data_rejection", "POST /v1/advisories/batches"): BY_ITEM,
    ("negative_data_rejection", "POST /v1/targets/batches"): BY_ITEM,
    ("negative_data_rejection", "POST /v1/observations/installations"): BY_ITEM,
    ("negative_data_rejection", "POST /v1/usage/batches"): BY_ITEM,
    ("negative_data_rejection", "POST /v1/statistics/batches"): BY_ITEM,
    ("allow_header_conformance", "POST /v1/targets/batches"): SHARED_PATH,
    ("allow_header_conformance", "POST /v1/tokens/narrower"): SHARED_PATH,
    ("unsupported_method", "POST /v1/tokens/narrower"): SHARED_PATH,
}
"""Check and route: why the check is not sound there."""

_fresh = itertools.count()


@dataclass
class Findings:
    """What a campaign found: cases sent, answers by status, and each failure with one request that shows it."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = "\n".join(
            f"{check} · {route} · {title}\n  {shown}" for (check, route, title), shown in self.failures.items()
        )
        return f"{self.cases} cases, {dict(self.statuses)}, {len(self.failures)} kinds of failures\n{told}"


@schemathesis.serializer(LINES)
def _as_lines(_context: Any, value: Any) -> dict[str, bytes]:
    """One line of NDJSON; what is no JSON value goes as it is."""
    return {"data": value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"}


@schemathesis.serializer(ARROW)
def _as_bytes(_context: Any, value: Any) -> dict[str, bytes]:
    """Bytes that are hardly ever a stream; tests/registry_api/intake has the hostile ones."""
    return {"data": value if isinstance(value, bytes) else str(value).encode(errors="surrogateescape")}


def campaign(
    address: str, token: str, *, examples: int, seed: int, acting_in: str | None = None, only: Sequence[str] = ()
) -> Findings:
    """Send what schemathesis makes of the served document, as the token's owner, in the tenant `acting_in` or its own.

    `examples` are drawn for each route beside those that cover its schema; `only` names the operations, all if empty.
    """
    config = _config(address, token, examples, seed, acting_in)
    schema = schemathesis.openapi.from_dict(_document(address), config=config)
    if only:
        schema = schema.include(operation_id=list(only))
    found = Findings()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _note(found, event.recorder)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.failures["error", str(getattr(event, "label", "")), type(event).__name__] = str(
                getattr(event, "info", event.__class__)
            )
    return found


def _document(address: str) -> dict[str, Any]:
    """The served document without the header that acts for a tenant: drawn at random it is refused and hides all else."""
    document: dict[str, Any] = httpx.get(f"{address}/openapi.json", timeout=60).json()
    for operation in (each for path in document["paths"].values() for each in path.values()):
        operation["parameters"] = [
            each for each in operation.get("parameters", ()) if each["name"].lower() != ACTING.lower()
        ]
    return document


def _config(address: str, token: str, examples: int, seed: int, acting_in: str | None) -> SchemathesisConfig:
    headers = {"Authorization": f"Bearer {token}", **({ACTING: acting_in} if acting_in else {})}
    wanted = {
        "base-url": address,
        "seed": seed,
        "headers": headers,
        "continue-on-failure": True,
        "suppress-health-check": ["all"],
        "cache": {"enabled": False},
        "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
        "checks": {
            "enabled": True,
            "positive_data_acceptance": {"expected-statuses": ACCEPTED},
            "missing_required_header": {"expected-statuses": WITHOUT_HEADER},
        },
    }
    return SchemathesisConfig.from_dict(wanted)


@schemathesis.hook("before_call")
def _with_a_key_of_its_own(_context: Any, case: Any, _kwargs: Any) -> None:
    """A drawn key would be the same for many requests, which is refused."""
    if KEY in (case.headers or {}) and case.meta.generation.mode.is_positive:
        case.headers[KEY] = f"fuzz-{next(_fresh)}"


def _note(found: Findings, recorder: Any) -> None:
    answers = {name: each.response for name, each in recorder.interactions.items()}
    found.cases += len(answers)
    found.statuses.update(answer.status_code for answer in answers.values() if answer is not None)
    for name, checks in recorder.checks.items():
        for failure in (each for each in checks if each.failure_info is not None):
            _note_failure(found, failure, answers[name])


def _note_failure(found: Findings, check: Any, answer: Any) -> None:
    failure = check.failure_info.failure
    if (check.name, failure.operation) in EXCEPTIONS or _beyond_schema(check.name, answer):
        return
    shown = f"{failure.message}\n  {check.failure_info.code_sample}\n  {answer.status_code} {answer.content[:500]!r}"
    found.failures.setdefault((check.name, failure.operation, failure.title), shown)


def _beyond_schema(check: str, answer: Any) -> bool:
    if check != "positive_data_acceptance" or answer.status_code != 400:
        return False
    codes = {error["code"] for error in orjson.loads(answer.content)["errors"]}
    return bool(codes) and codes <= set(BEYOND_SCHEMA)
