"""Workers killed at random moments: each effect inside the registry once, each message at least once, none lost."""

import asyncio
import os
import random
import subprocess
import sys
import textwrap
from collections import Counter
from contextlib import asynccontextmanager, suppress

import pytest

from tests.registry_api.automation.acting.receivers import HOST, hooks
from tests.registry_api.automation.acting.support import (
    audited,
    block_plan,
    change_plan,
    drain,
    make_plan,
    make_release,
    report,
    store,
)
from tests.registry_api.intake_data import items

KILLS = 50
EACH = 16
NURSERY = """
    import asyncio, os, signal, sys, time
    from datetime import timedelta
    from patchbay.core.settings import Settings
    from patchbay.core.storage import open_storage
    from registry_api.db import Database
    from registry_api.job_kinds import HANDLERS
    from registry_api.jobs.worker import Worker

    async def work():
        settings = Settings()
        database = Database(settings.resolved_database_url)
        quick = {"poll": 0.01, "lease": timedelta(seconds=1), "first_pause": timedelta(0)}
        await Worker(database, open_storage(settings), settings, HANDLERS, **quick).run()

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(work())
        time.sleep(float(line))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print("killed", flush=True)
"""


@asynccontextmanager
async def nursery(api):
    """A process that starts a worker and kills it after the seconds it is told; `kill(seconds)`."""
    environment = {**os.environ, "PATCHBAY_HOME": str(api.settings.home)}
    environment["PATCHBAY_WEBHOOK_PRIVATE_HOSTS"] = f'["{HOST}"]'
    if api.settings.database_url:
        environment["PATCHBAY_DATABASE_URL"] = api.settings.database_url
    command = [sys.executable, "-c", textwrap.dedent(NURSERY)]
    process = subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, stderr=subprocess.DEVNULL, text=True)

    def kill(seconds):
        process.stdin.write(f"{seconds}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "killed\n"

    try:
        yield kill
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


async def supervise(api, names):
    """Start processes as often as is wanted, and say so."""
    generation = dict.fromkeys(names, 3)
    while True:
        for name in names:
            generation[name] = (await report(api, name, generation=generation[name]))["generation"]
        await asyncio.sleep(0.1)


async def make_plans(api, url):
    """Plans of three kinds, mixed."""
    plans = []
    for number in range(EACH):
        release, _ = await make_release(api, f"open-{number}")
        await report(api, f"api-{number}")
        plans.append(block_plan(release))
        plans.append(make_plan("webhook", {}, {}, parameters={"url": url, "secret": None}))
        plans.append(change_plan("restart", f"api-{number}", {"generation": 3}, {"generation": 4}))
    for plan in plans:
        await store(api, plan)
    return plans


async def finish(api):
    """Let a worker that nobody kills do what is left."""
    for _ in range(100):
        await drain(api, webhook_private_hosts=(HOST,))
        if {plan["state"] for plan in await items(api.operator, "/v1/automation/plans")} == {"done"}:
            return
        await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_whatever_is_killed_each_effect_happens_and_none_twice(api):
    chance = random.Random(7)
    with hooks() as hook:
        plans = await make_plans(api, hook.url)
        names = [f"api-{number}" for number in range(EACH)]
        supervisor = asyncio.create_task(supervise(api, names))
        async with nursery(api) as kill:
            for _ in range(KILLS):
                await asyncio.to_thread(kill, chance.uniform(0.1, 0.6))
        jobs = await items(api.operator, "/v1/jobs", kind="automation.act")
        await finish(api)
        supervisor.cancel()
        with suppress(asyncio.CancelledError):
            await supervisor
    assert sum(job["attempts"] > 1 for job in jobs) >= 3, "no worker died while it had a job"
    ended = {plan["key"]: plan["state"] for plan in await items(api.operator, "/v1/automation/plans")}
    assert ended == {plan.key: "done" for plan in plans}
    by_action = Counter(plan.action for plan in plans)
    outcomes = Counter(record["change"]["key"] for record in await audited(api, "automation.outcome"))
    assert outcomes == Counter(list(ended))
    assert Counter(record["subject"] for record in await audited(api, "release.blocked")).most_common(1)[0][1] == 1
    assert len(await audited(api, "release.blocked")) == by_action["block_release"]
    assert len(await audited(api, "automation.applied")) == by_action["restart"]
    assert set(hook.ids) == {plan.key for plan in plans if plan.action == "webhook"}
    for name in names:
        assert (await report(api, name, generation=4))["generation"] == 4
