"""What is sent again, with what, and for how long."""

import io
import os
import threading
import time
from typing import Any

import anyio
import pytest

from patchbay.client import ApiError, ApiUnreachable, AsyncClient
from tests.core.client.conftest import Connect
from tests.core.client.server import RESULT, Registry, failing, ok, refused


def keys(registry: Registry) -> list[str | None]:
    return [request.headers["Idempotency-Key"] for request in registry.requests]


def test_a_post_cut_off_by_a_crash_is_sent_again_with_the_key_it_had(registry: Registry, client: Any) -> None:
    registry.will_answer(None, failing(502), failing(503), ok({"id": "t-1"}, 201))
    assert client.create_token("ci")["id"] == "t-1"
    assert len(set(keys(registry))) == 1 and len(registry.requests) == 4 and keys(registry)[0]


def test_every_post_has_a_key_of_its_own_unless_one_is_given(registry: Registry, client: Any) -> None:
    registry.will_answer(ok({}, 201))
    client.create_token("a")
    client.create_token("a")
    mine = client.keyed("mine-1")
    mine.create_token("a")
    first, second, third = keys(registry)
    assert first != second and third == "mine-1"


def test_the_first_of_two_equal_posts_is_waited_for(registry: Registry, client: Any) -> None:
    registry.will_answer(refused(409, "idempotency_key_in_flight", Retry_After="1"), ok({"id": "t-1"}, 201))
    started = time.monotonic()
    assert client.create_token("ci")["id"] == "t-1"
    assert time.monotonic() - started >= 0.9


def test_another_conflict_is_an_error_at_once(registry: Registry, client: Any) -> None:
    registry.will_answer(refused(409, "plugin_exists"))
    with pytest.raises(ApiError, match="plugin_exists"):
        client.create_plugin({"namespace": "n", "name": "p"})
    assert len(registry.requests) == 1


@pytest.mark.parametrize("answer", [None, failing(502), failing(503), failing(504)], ids=["cut", "502", "503", "504"])
def test_a_change_that_may_have_arrived_is_not_repeated(registry: Registry, client: Any, answer: Any) -> None:
    registry.will_answer(answer, ok({}))
    with pytest.raises((ApiError, ApiUnreachable)):
        client.keyed("k").update_plugin("n:p", {"title": "P"}, if_match=1)
    assert len(registry.requests) == 1


@pytest.mark.parametrize("answer", [None, failing(502), failing(503), failing(504)], ids=["cut", "502", "503", "504"])
@pytest.mark.parametrize("if_match", [None, 3], ids=["made", "renamed"])
def test_a_put_of_what_has_a_revision_is_not_repeated_either(
    registry: Registry, client: Any, if_match: int | None, answer: Any
) -> None:
    registry.will_answer(answer, refused(428, "revision_required"))
    with pytest.raises((ApiError, ApiUnreachable)) as caught:
        client.set_team("t", "T", if_match)
    assert len(registry.requests) == 1 and "revision_required" not in str(caught.value)
    registry.will_answer(failing(429), ok({"name": "t"}))
    assert client.set_team("t", "T", if_match)["name"] == "t"


def test_what_names_a_revision_is_not_repeated_whatever_else_it_has(registry: Registry, client: Any) -> None:
    registry.will_answer(failing(503), refused(412, "stale_revision"))
    with pytest.raises(ApiError, match="503"):
        client.post("/v1/things", {}, if_match='"1"', idempotency_key="k")
    assert len(registry.requests) == 1


def test_a_whole_statement_without_a_revision_is_repeated(registry: Registry, client: Any) -> None:
    registry.will_answer(None, failing(503), ok({"scope": "s"}))
    assert client.set_switch("s", "a drill")["scope"] == "s"


def test_whether_it_is_ready_is_asked_once(registry: Registry, client: Any) -> None:
    registry.will_answer(failing(503, Retry_After="5"))
    assert client.is_ready() is False
    assert len(registry.requests) == 1
    registry.will_answer(ok({}))
    assert client.is_ready() is True
    registry.will_answer(failing(500))
    with pytest.raises(ApiError):
        client.is_ready()


@pytest.mark.parametrize(
    "when",
    [
        "Mon, 30 Nov 2020 19:00:00 GMT",
        "Mon, 30 Nov 2020 19:00:00 -0000",
        "Mon, 30 Nov 2020 19:00:00",
        "Mon, 30 Nov 99999999999999999999 19:00:00 GMT",
        "Mon, 30 Nov 2020 19:00:00 -99999999999999",
        "soon",
    ],
)
def test_whatever_date_the_server_asks_to_wait_for_the_call_goes_on(registry: Registry, client: Any, when: str) -> None:
    registry.will_answer(failing(503, Retry_After=when), ok({"role": "viewer"}))
    assert client.me() == {"role": "viewer"}


def test_a_change_that_the_limiter_refused_is_repeated(registry: Registry, client: Any) -> None:
    registry.will_answer(failing(429), ok({"title": "P"}))
    assert client.update_plugin("n:p", {"title": "P"}, if_match=1)["title"] == "P"


def test_a_change_names_what_it_was_made_on(registry: Registry, client: Any) -> None:
    registry.will_answer((200, {"ETag": '"7-ab"'}, b"{}"))
    client.update_plugin("n:p", {"title": "P"})
    client.update_plugin("n:p", {"title": "P"}, if_match=3)
    client.update_webhook("w", {"enabled": False}, if_match="*")
    sent = [(request.command, request.headers["If-Match"]) for request in registry.requests]
    assert sent == [("GET", None), ("PATCH", '"7-ab"'), ("PATCH", '"3"'), ("PATCH", "*")]


def test_a_stale_change_says_what_to_do(registry: Registry, client: Any) -> None:
    registry.will_answer(refused(412, "stale_revision"))
    with pytest.raises(ApiError, match="read it again and repeat the change") as caught:
        client.update_plugin("n:p", {"title": "P"}, if_match=3)
    assert (caught.value.status, caught.value.code) == (412, "stale_revision")


@pytest.mark.parametrize("answer", [None, failing(503), failing(429, Retry_After="30")], ids=["cut", "503", "429"])
def test_a_call_ends_with_its_deadline(registry: Registry, connect: Connect, answer: Any) -> None:
    registry.will_answer(answer)
    started = time.monotonic()
    with pytest.raises((ApiError, ApiUnreachable)):
        connect(registry.url, retries=1000, deadline=0.6).me()
    assert time.monotonic() - started < 3
    assert len(registry.requests) < 100


def test_an_answer_that_does_not_come_ends_with_the_deadline_too(registry: Registry, connect: Connect) -> None:
    given_up = threading.Event()

    def late(_method: str, _path: str) -> Any:
        given_up.wait(30)
        return ok({})

    registry.answer_to = late
    with pytest.raises(ApiUnreachable, match="ReadTimeout"):
        connect(registry.url, deadline=0.5).me()
    given_up.set()


def test_a_download_that_could_not_begin_is_asked_for_again_and_one_that_broke_off_is_not(
    registry: Registry, client: Any
) -> None:
    registry.will_answer(failing(503), (200, {}, b"whole"), (200, {"Content-Length": "9"}, b"part"))
    whole, part, told = io.BytesIO(), io.BytesIO(), list[tuple[int, int | None]]()
    client.export_audit(whole, lambda done, total: told.append((done, total)))
    assert whole.getvalue() == b"whole" and told == [(5, 5)]
    with pytest.raises(ApiUnreachable):
        client.export_audit(part)
    assert len(registry.requests) == 3


def test_what_cannot_be_read_twice_is_sent_once(registry: Registry, client: Any) -> None:
    registry.will_answer(failing(503), ok(RESULT))
    reading, writing = os.pipe()
    os.write(writing, b'{"id": "1"}\n')
    os.close(writing)
    with open(reading, "rb") as pipe, pytest.raises(ApiError):  # noqa: PTH123  a descriptor
        client.post_usage("b-1", pipe)
    assert [request.body for request in registry.requests] == [b'{"id": "1"}\n']


def test_a_cancelled_call_leaves_a_client_that_works(registry: Registry) -> None:
    async def cancelled_then_called() -> Any:
        async with AsyncClient(registry.url, retries=1000) as client:
            for answer in (failing(503, Retry_After="60"), failing(503)):
                registry.will_answer(answer)
                with anyio.move_on_after(0.3) as scope:
                    await client.me()
                assert scope.cancelled_caught
            registry.will_answer(ok({"role": "viewer"}))
            return await client.me()

    assert anyio.run(cancelled_then_called) == {"role": "viewer"}


def test_many_calls_wait_at_once(registry: Registry) -> None:
    def late(_method: str, _path: str) -> Any:
        time.sleep(0.4)
        return ok({})

    async def twenty() -> None:
        async with AsyncClient(registry.url) as client, anyio.create_task_group() as calls:
            for _ in range(20):
                calls.start_soon(client.me)

    registry.answer_to = late
    started = time.monotonic()
    anyio.run(twenty)
    assert time.monotonic() - started < 4, "one after the other they would take eight seconds"


def test_closing_ends_the_waits_of_other_tasks(registry: Registry) -> None:
    async def closed_while_waiting() -> None:
        client = AsyncClient(registry.url)
        async with anyio.create_task_group() as calls:
            calls.start_soon(client.me)
            await anyio.sleep(0.5)
            await client.aclose()

    registry.will_answer(failing(503, Retry_After="60"))
    started = time.monotonic()
    with pytest.raises(ExceptionGroup, match="unhandled"):
        anyio.run(closed_while_waiting)
    assert time.monotonic() - started < 5
