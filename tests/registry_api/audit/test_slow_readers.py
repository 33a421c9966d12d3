"""Whoever takes a streamed answer slowly keeps no connection from the others."""

import asyncio

import pytest

from tests.registry_api.audit.tampering import exported, history, offline

HOST = [(b"host", b"registry.test")]


async def stalled(api, path):
    """A caller that takes the first bytes of an answer and then waits; the connections that are in use meanwhile."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    token = api.acme.headers["authorization"].encode()
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path}
    scope |= {"raw_path": path.encode(), "query_string": b"", "scheme": "http", "server": ("registry.test", 80)}
    scope |= {"client": ("127.0.0.1", 1), "root_path": "", "headers": [*HOST, (b"authorization", token)]}

    async def receive():
        await go_on.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        elif message.get("body") and not begun.is_set():
            begun.set()
            await go_on.wait()

    call = asyncio.create_task(api.app(scope, receive, send))
    await asyncio.wait_for(begun.wait(), 10)
    in_use = api.app.state.database.engine.pool.checkedout()
    go_on.set()
    await call
    return in_use


@pytest.mark.parametrize("what", ["the log", "a person's data"])
async def test_who_takes_a_streamed_answer_slowly_holds_no_connection(api, what):
    await history(api, 1)
    person = {"email": "grace@acme.example", "display_name": "Grace", "role": "viewer"}
    account = (await api.acme.post("/v1/users", json=person)).json()["id"]
    assert await stalled(api, "/v1/audit/export" if what == "the log" else f"/v1/users/{account}/data") == 0


async def test_a_log_of_many_stretches_is_exported_up_to_where_it_ended_at_the_start(api, monkeypatch):
    monkeypatch.setattr("registry_api.audit.repository.BATCH", 3)
    await history(api, 8)
    found = await offline(api, await exported(api), trusting=False)
    assert (found.valid, found.records) == (True, 11)
