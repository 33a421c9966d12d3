"""The feed never skips: many writers commit at once while one reader pages by cursor."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from patchbay.core.ids import new_id
from registry_api.db import Crossing, UnitOfWork, system_principal
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.repository import find_operator_id

WRITERS = Path(__file__).with_name("writers.py")


async def add_tenants(api, count):
    """One tenant for each writer, so that nothing but the feed's own lock puts their commits in order."""
    database = api.app.state.database
    async with database.writing(Crossing.SETUP) as session:
        operator = await find_operator_id(session)
        session.add_all([Tenant(id=new_id(), slug=f"w{number}", name="Writer") for number in range(count)])
        await UnitOfWork(session, system_principal(operator, operator)).commit()


def start_writers(settings, seconds):
    environment = {**os.environ, "PATCHBAY_HOME": str(settings.home), "PYTHONPATH": str(Path.cwd())}
    if settings.database_url:
        environment["PATCHBAY_DATABASE_URL"] = settings.database_url
    command = [sys.executable, str(WRITERS), str(seconds)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


async def read_feed(api, still_writing):
    """(seq, name) of every row in the order the reader saw them."""
    seen, after = [], 0
    while True:
        last_round = not still_writing()
        answer = await api.service.get(f"/v1/feeds/targets?after={after}&limit=500")
        page = [json.loads(line) for line in answer.text.splitlines()]
        seen += [(row["seq"], row["name"]) for row in page]
        after = int(answer.headers["Patchbay-Next-After"])
        if not page and last_round:
            return seen
        if not page:
            await asyncio.sleep(0.001)


async def campaign(api, writers, seconds):
    await add_tenants(api, writers)
    process = start_writers(api.settings, seconds)
    output = asyncio.create_task(asyncio.to_thread(process.communicate))
    seen = await read_feed(api, lambda: not output.done())
    text, _ = await output
    assert process.returncode == 0
    written, names = set(json.loads(text)), [name for _, name in seen]
    print(f"{writers} writers, {seconds} s: {len(written)} rows written, {len(names)} read")
    assert len(written) > writers
    assert len(written - set(names)) == 0, f"the reader skipped {len(written - set(names))} rows"
    assert len(names) == len(set(names)), "the reader saw rows twice"
    assert seen == sorted(seen), "the reader saw rows out of order"


@pytest.mark.slow
async def test_two_hundred_writers_and_a_reader_skip_and_double_nothing(api):
    """SQLite has one writer at a time by nature; fewer tasks show that the queue in front of it keeps the order too."""
    await campaign(api, writers=200 if api.is_postgres else 20, seconds=6 if api.is_postgres else 3)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_two_hundred_writers_and_a_reader_skip_and_double_nothing_for_two_minutes(api):
    await campaign(api, writers=200 if api.is_postgres else 50, seconds=120)
