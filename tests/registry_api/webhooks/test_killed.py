"""API and worker killed at random moments: every change that was made is told at least once, every job's effect is made once."""

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from patchbay.core.client import ApiError, ApiUnreachable, Client
from patchbay.core.settings import Settings
from tests.loop.killing import PROGRAMS, Keeper
from tests.loop.support import free_port
from tests.registry_api.automation.acting.receivers import HOST, Hooks, hooks

EACH = 2
"""Plugins, and jobs with an effect, before each kill."""
EFFECT = """
from registry_api.jobs.registry import handler
from registry_api.schemas import Input

class Nothing(Input):
    pass

@handler("test.effect", requestable=True, payload=Nothing)
async def effect(job):
    await job.progress(0, 1, "effects")
    async with job.finishing() as work:
        work.audit("test.effect", f"job:{job.claim.id}")
"""
Running = tuple[dict[str, Keeper], Client]


@contextmanager
def running(settings: Settings, token: str, folder: Path, patching: pytest.MonkeyPatch) -> Iterator[Running]:
    """The API with its own workers, another worker, and a client of acme's."""
    port = free_port()
    environment = {"PATCHBAY_HOME": str(settings.home), "PATCHBAY_API_PORT": str(port), "PATCHBAY_JOB_WORKERS": "1"}
    environment |= {"PATCHBAY_WEBHOOK_PRIVATE_HOSTS": json.dumps([HOST]), "PATCHBAY_LOG_LEVEL": "ERROR"}
    if settings.database_url:
        environment["PATCHBAY_DATABASE_URL"] = settings.database_url
    with ExitStack() as stack:
        keepers = {}
        for name in ("api", "worker"):
            patching.setitem(PROGRAMS, name, EFFECT + PROGRAMS[name])
            keepers[name] = stack.enter_context(Keeper(name, environment, folder / f"{name}.log"))
        client = stack.enter_context(Client(f"http://{HOST}:{port}", token, timeout=30, retries=12))
        for keeper in keepers.values():
            keeper.start()
        until(lambda: is_ready(client), 60)
        yield keepers, client


def is_ready(client: Client) -> bool:
    with suppress(ApiUnreachable):
        return client.is_ready()
    return False


def until(done: Callable[[], bool], within: float) -> None:
    """Wait for something; fails the test when it does not come."""
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.2)


def change_something(client: Client, place: int) -> None:
    """Plugins that are surely made, and jobs that may be asked for twice when the answer is lost."""
    plugins = [{"namespace": "k", "name": f"p{place}-{n}", "visibility": "private"} for n in range(EACH)]
    assert client.post_catalogue(plugins).rejected == 0
    for _ in range(EACH):
        with suppress(ApiUnreachable, ApiError):
            client.create_job("test.effect")


def assert_told(client: Client, hook: Hooks, webhook: dict[str, Any], plugins: int) -> None:
    """Each plugin's making at least once, always in the same words; each token of it is delivered."""
    # A sender that is killed while it writes leaves a request that breaks off; no receiver can take that for a delivery.
    whole = [(headers, body) for headers, body in hook.received if len(body) == int(headers["content-length"])]
    bodies = defaultdict(set)
    for headers, body in whole:
        assert headers["webhook-signature"] == signed(webhook["secret"], headers, body)
        bodies[headers["webhook-id"]].add(body)
    assert {id: different for id, different in bodies.items() if len(different) > 1} == {}
    events = [json.loads(next(iter(different))) for different in bodies.values()]
    told = Counter(event["data"]["id"] for event in events if event["type"] == "dev.patchbay.plugin.created")
    made = {plugin["id"] for plugin in client.pages("/v1/plugins", limit=500)}
    assert told == Counter(made) and len(made) == plugins
    deliveries = list(client.webhook_deliveries(webhook["id"]))
    assert Counter(one["state"] for one in deliveries) == {"delivered": plugins}


def assert_done_once(client: Client, least: int) -> None:
    """Each job that was taken has succeeded and made its effect once."""
    jobs = list(client.jobs(kind="test.effect"))
    assert {job["state"] for job in jobs} == {"succeeded"} and len(jobs) >= least
    effects = Counter(record["subject"] for record in client.audit(action="test.effect"))
    assert effects == Counter(f"job:{job['id']}" for job in jobs)
    assert client.get("/v1/audit/verify")["valid"]


def signed(secret: str, headers: dict[str, str], body: bytes) -> str:
    """The signature by the standard's own library; its `verify` refuses what is older than five minutes, as some is here."""
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    return Webhook(secret).sign(headers["webhook-id"], at, body.decode())


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kills", [pytest.param(8, id="short"), pytest.param(200, id="full", marks=pytest.mark.soak)])
def test_whatever_is_killed_each_change_is_told_and_each_job_is_done_once(
    registry: tuple[Settings, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    settings, tokens = registry
    chance = random.Random(kills)
    with hooks() as hook, running(settings, tokens["acme"], tmp_path, monkeypatch) as (keepers, client):
        webhook = client.create_webhook(hook.url, ["plugin.*"])
        hook.answers = [500] * kills
        for place in range(kills):
            change_something(client, place)
            time.sleep(chance.uniform(0, 0.1))  # while most of it is still to be done
            keepers[chance.choice(sorted(keepers))].kill(chance.uniform(0, 0.2))
        until(lambda: is_over(client), 120)
        assert_told(client, hook, webhook, EACH * kills)
        assert_done_once(client, kills)
        tried_again = sum(job["attempts"] > 1 for job in client.jobs())
    assert sum(keeper.kills for keeper in keepers.values()) == kills
    assert tried_again >= kills / 4, "too few jobs were tried again for this to say anything"


def is_over(client: Client) -> bool:
    """Whether nothing waits or runs but what is for the night."""
    with suppress(ApiUnreachable, ApiError):
        return not [
            job for state in ("queued", "running") for job in client.jobs(state=state) if job["kind"] != "webhooks.tidy"
        ]
    return False
