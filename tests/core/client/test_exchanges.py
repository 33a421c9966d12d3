"""Single calls of both sides of the client, against a real server on this machine that misbehaves as told."""

import gzip
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from patchbay.core import telemetry
from patchbay.core.client import ApiError, ApiUnreachable, Client
from tests.core.client.conftest import Connect
from tests.core.client.server import RESULT, Answer, Registry, failing, ok


def test_a_call_is_authorised_and_its_json_returned(registry: Registry, client: Any) -> None:
    registry.will_answer(ok({"name": "git"}))
    assert client.plugin("jenkins:git") == {"name": "git"}
    (request,) = registry.requests
    assert request.path == "/v1/plugins/jenkins:git" and request.headers["Authorization"] == "Bearer pb_test"


def test_names_cannot_leave_their_part_of_the_path(registry: Registry, client: Any) -> None:
    registry.will_answer(ok({}))
    client.tenant("../tokens?x=1")
    assert registry.requests[0].path == "/v1/tenants/..%2Ftokens%3Fx%3D1"


def test_whether_a_release_may_be_installed_is_asked_of_its_target(registry: Registry, client: Any) -> None:
    answer = {"allowed": True, "version": "1.0", "reason": None, "instead": None}
    registry.will_answer(ok(answer))
    assert client.install_check("ci/1", "jenkins:git") == answer
    asked = registry.requests[0]
    assert asked.path == "/v1/targets/ci%2F1/install-checks"
    assert json.loads(asked.body) == {"plugin": "jenkins:git", "version": None}


def test_pages_are_followed_to_the_last(registry: Registry, client: Any) -> None:
    registry.will_answer(ok({"items": [{"n": 1}], "next": "c/2="}), ok({"items": [{"n": 2}], "next": None}))
    assert [item["n"] for item in client.pages("/v1/plugins", limit=1, q=None)] == [1, 2]
    assert [request.path for request in registry.requests] == [
        "/v1/plugins?limit=1",
        "/v1/plugins?limit=1&cursor=c%2F2%3D",
    ]


def test_a_problem_becomes_an_error_of_one_line(registry: Registry, client: Any) -> None:
    problem = {
        "type": "https://patchbay.dev/problems/tenant_exists",
        "title": "Tenant exists",
        "detail": "The slug\nis taken.",
        "request_id": "r-9",
        "errors": [{"pointer": "/slug", "code": "taken", "detail": "choose another"}],
    }
    registry.will_answer(failing(409, problem))
    with pytest.raises(ApiError) as caught:
        client.create_tenant("a", "A")
    assert (caught.value.status, caught.value.code, caught.value.problem["title"]) == (
        409,
        "tenant_exists",
        "Tenant exists",
    )
    assert str(caught.value) == "409 tenant_exists: The slug is taken. [/slug: choose another] (request r-9)"


def test_an_error_that_is_no_problem_document_is_still_an_error(registry: Registry, client: Any) -> None:
    registry.will_answer((500, {}, b"<html>oops</html>"))
    with pytest.raises(ApiError, match="500 about:blank: <html>oops</html>"):
        client.me()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(registry: Registry, client: Any, status: int) -> None:
    registry.will_answer(failing(status), failing(status), ok({"ok": True}))
    assert client.get("/v1/me") == {"ok": True}
    assert len(registry.requests) == 3


def test_a_server_that_stays_busy_is_an_error_after_the_last_repeat(registry: Registry, client: Any) -> None:
    registry.will_answer(failing(503, {"title": "Busy"}))
    with pytest.raises(ApiError, match="Busy"):
        client.me()
    assert len(registry.requests) == 4


@pytest.mark.parametrize("moment", ["1", "date"])
def test_the_server_says_how_long_to_wait(registry: Registry, client: Any, moment: str) -> None:
    from email.utils import formatdate

    value = formatdate(time.time() + 2, usegmt=True) if moment == "date" else moment
    registry.will_answer(failing(429, Retry_After=value), ok({}))
    started = time.monotonic()
    client.me()
    assert 0.9 <= time.monotonic() - started < 4


def test_a_write_that_may_have_arrived_is_not_repeated(registry: Registry, client: Any) -> None:
    registry.will_answer(None)
    with pytest.raises(ApiUnreachable, match=r"POST .*/v1/sessions got no answer"):
        client.login("a@example.org", "secret")
    registry.will_answer(failing(502))
    with pytest.raises(ApiError):
        client.login("a@example.org", "secret")
    assert len(registry.requests) == 2


def test_a_batch_cut_off_by_a_crash_is_repeated_with_the_same_key_and_bytes(registry: Registry, client: Any) -> None:
    registry.will_answer(None, failing(503), ok(RESULT))
    assert client.post_catalogue([{"namespace": "n", "name": "p"}]).accepted == 1
    keys = {request.headers["Idempotency-Key"] for request in registry.requests}
    assert len(registry.requests) == 3 and len(keys) == 1 and len({request.body for request in registry.requests}) == 1


def test_a_batch_for_which_there_was_no_place_is_sent_again_after_the_time_named(
    registry: Registry, client: Any
) -> None:
    registry.will_answer(failing(503, {"title": "Busy"}, Retry_After="1"), ok(RESULT, 201))
    started = time.monotonic()
    assert client.post_usage("b-1", [{"id": "1"}]).accepted == 1
    assert time.monotonic() - started >= 0.9
    assert [request.headers["Idempotency-Key"] for request in registry.requests] == ["b-1", "b-1"]


def test_without_a_batch_id_the_content_is_the_key(registry: Registry, client: Any) -> None:
    registry.will_answer(ok(RESULT))
    client.post_targets([{"name": "a", "kind": "k"}])
    client.post_targets([{"kind": "k", "name": "a"}])
    client.post_targets([{"name": "b", "kind": "k"}])
    client.post_advisories([], batch_id="mine")
    first, second, third, fourth = (request.headers["Idempotency-Key"] for request in registry.requests)
    assert first == second != third and fourth == "mine"


def _nothing_listens() -> str:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return f"http://127.0.0.1:{server.server_address[1]}"


def test_no_server_is_unreachable_not_an_api_error(connect: Connect) -> None:
    with pytest.raises(ApiUnreachable, match="ConnectError"):
        connect(_nothing_listens(), "pb_test", retries=1).login("a@example.org", "secret")


def test_a_server_that_comes_up_late_is_reached(registry: Registry, connect: Connect) -> None:
    registry.will_answer(ok({}))
    address = registry.server.server_address
    registry.server.shutdown()
    registry.server.server_close()

    def start() -> None:
        registry.server = ThreadingHTTPServer((str(address[0]), address[1]), registry.server.RequestHandlerClass)
        registry.server.serve_forever(0.01)

    threading.Timer(0.3, start).start()
    connect(registry.url, "pb_test").login("a@example.org", "secret")
    assert len(registry.requests) == 1


def test_closing_ends_a_wait_at_once(registry: Registry) -> None:
    registry.will_answer(failing(503, Retry_After="60"))
    client = Client(registry.url, retries=1)
    threading.Timer(0.2, client.close).start()
    started = time.monotonic()
    with pytest.raises(Exception, match="closed"):
        client.me()
    assert time.monotonic() - started < 5


def test_a_proxy_in_the_environment_is_not_used_for_this_machine(
    registry: Registry, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, _nothing_listens())
    registry.will_answer(ok({"ok": 1}))
    assert connect(registry.url, retries=0).get("/v1/me") == {"ok": 1}


def test_acting_in_a_tenant_names_it_and_leaves_the_first_client_alone(registry: Registry, client: Any) -> None:
    registry.will_answer(ok(RESULT))
    client.acting_in("acme").post_targets([])
    client.post_targets([])
    assert [request.headers["Patchbay-Tenant"] for request in registry.requests] == ["acme", None]


def test_calls_made_inside_a_trace_carry_it(registry: Registry, client: Any) -> None:
    registry.will_answer(ok({}))
    with telemetry.bound(telemetry.new_trace()) as trace:
        client.me()
    client.me()
    sent = [request.headers["traceparent"] for request in registry.requests]
    assert sent[0].split("-")[1] == trace.trace_id and sent[1] is None


def _rows(request: Any) -> Any:
    body = (
        zstandard.ZstdDecompressor().decompressobj().decompress(request.body)
        if request.headers["Content-Encoding"]
        else request.body
    )
    if request.headers["Content-Type"] == "application/x-ndjson":
        return [json.loads(line) for line in body.splitlines()]
    with pa.ipc.open_stream(body) as reader:
        return reader.read_all().to_pylist()


@pytest.mark.parametrize(
    "form", [list, pa.Table.from_pylist, pa.RecordBatch.from_pylist], ids=["dicts", "table", "batch"]
)
@pytest.mark.parametrize("count", [1, 500])
def test_rows_are_posted_in_any_form(registry: Registry, client: Any, form: Callable[[Any], Any], count: int) -> None:
    rows = [{"id": f"e{number}", "duration_ms": 1.5} for number in range(count)]
    registry.will_answer(ok(RESULT, 201))
    result = client.post_usage("b-1", form(rows))
    (request,) = registry.requests
    assert _rows(request) == rows and request.headers["Idempotency-Key"] == "b-1"
    assert (result.received, result.created, result.replayed) == (1, None, False)


def test_bytes_are_posted_as_they_are(registry: Registry, client: Any) -> None:
    registry.will_answer(ok(RESULT))
    client.post_statistics("b", b'{"broken', content_type="application/x-ndjson")
    assert registry.requests[0].body == b'{"broken' and registry.requests[0].path == "/v1/statistics/batches"


def test_every_reject_of_a_batch_can_be_read(registry: Registry, client: Any) -> None:
    reject = {"row_index": 7, "field": "count", "code": "wrong_type", "reason": "not a number"}
    registry.will_answer(ok({"items": [reject], "next": None}))
    (found,) = client.rejects("sha256:00")
    assert (found.row_index, found.field, found.code) == (7, "count", "wrong_type")
    assert registry.requests[0].path.startswith("/v1/intake/batches/sha256:00/rejects")


def _feed_page(rows: int, next_after: int, more: bool) -> Answer:
    sink = pa.BufferOutputStream()
    table = pa.table({"seq": pa.array(range(rows), pa.int64())})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"Patchbay-Next-After": str(next_after), "Patchbay-More": str(more).lower(), "Content-Encoding": "gzip"}
    return 200, headers, gzip.compress(bytes(sink.getvalue()))


def test_a_feed_is_followed_to_its_end(registry: Registry, client: Any) -> None:
    registry.will_answer(_feed_page(3, 9, True), _feed_page(2, 12, True), _feed_page(0, 12, False))
    pages = list(client.follow_feed("plugins", limit=3))
    assert [(page.table.num_rows, page.next_after) for page in pages] == [(3, 9), (2, 12)]
    assert [request.path.rpartition("after=")[2] for request in registry.requests] == [
        "0&limit=3",
        "9&limit=3",
        "12&limit=3",
    ]


def test_importing_the_client_does_not_import_pyarrow() -> None:
    import subprocess
    import sys

    code = "import sys, patchbay.core.client; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
