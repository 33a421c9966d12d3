"""A process of many concurrent writers: `python writers.py SECONDS`; prints the names it wrote, in no order.

It is a process of its own because a reader on the same event loop would hardly ever look between two commits.
"""

import asyncio
import json
import random
import sys
import time
from uuid import UUID

from sqlalchemy import select

from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from registry_api.db import Crossing, Database, UnitOfWork, system_principal
from registry_api.tenancy.models import Tenant
from registry_api.tenancy.repository import find_operator_id

ROWS_A_COMMIT = (1, 3, 100)
"""Mixed, since a long insert that is overtaken by a short one is where an order by number alone would break."""


async def main(seconds: float) -> list[str]:
    """Write as every tenant whose slug starts with w, each in a task and a connection of its own."""
    url = Settings().resolved_database_url
    probe = Database(url)
    async with probe.reading(Crossing.SETUP) as session:
        operator = await find_operator_id(session)
        tenants = (await session.execute(select(Tenant.id).where(Tenant.slug.like("w%")))).scalars().all()
    await probe.close()
    assert operator is not None
    database = Database(url, pool_size=len(tenants))
    await asyncio.gather(*(connect(database) for _ in tenants))
    until = time.monotonic() + seconds
    written = await asyncio.gather(*(write(database, tenant, operator, until) for tenant in tenants))
    await database.close()
    return [name for names in written for name in names]


async def connect(database: Database) -> None:
    """Opens a connection before the clock starts; held for a moment, so that the next task opens another."""
    async with database.reading(Crossing.SETUP) as session:
        await session.execute(select(1))
        await asyncio.sleep(0 if database.is_sqlite else 1)


async def write(database: Database, tenant: UUID, operator: UUID, until: float) -> list[str]:
    """Commit batches of feed rows until the time is over."""
    written: list[str] = []
    while time.monotonic() < until:
        await asyncio.sleep(random.uniform(0, 0.02))
        names = [str(new_id()) for _ in range(random.choice(ROWS_A_COMMIT))]
        async with database.writing() as session:
            work = UnitOfWork(session, system_principal(tenant, operator))
            for name in names:
                payload = {"name": name, "title": None, "environment": "dev", "kind": "k", "lifecycle": "active"}
                work.publish("targets", "upsert", new_id(), payload, tenant_id=tenant)
            work.audit("test.written", "test")
            await work.commit()
        written += names
    return written


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(float(sys.argv[1])))))
