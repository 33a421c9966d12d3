"""What tests of jobs do again and again."""

from datetime import timedelta

from sqlalchemy import update

from registry_api.jobs.models import Job
from registry_api.jobs.worker import Worker
from registry_api.schemas import Input
from registry_api.webhooks.models import Delivery


class Wanted(Input):
    """Payload of the test's kind."""

    number: int = 0


def worker(api, **changes):
    quick = {"lease": timedelta(seconds=0.6), "first_pause": timedelta(0), "poll": 0.02}
    return Worker(api.app.state.database, api.app.state.storage, api.settings, **{**quick, **changes})


async def ask(api, kind, caller=None, **more):
    answer = await (caller or api.acme).post("/v1/jobs", json={"kind": f"test.{kind}", **more})
    assert answer.status_code == 202, answer.text
    return answer.json()


async def state(api, job):
    return (await api.acme.get(f"/v1/jobs/{job['id']}")).json()


async def ended(api):
    """As if each job that waits had died, and each delivery failed."""
    async with api.app.state.database.engine.begin() as connection:
        await connection.execute(update(Job).where(Job.state == "queued").values(state="dead"))
        await connection.execute(update(Delivery).values(state="failed"))


async def effects(api):
    """How often the test's effect, an audit record, was committed."""
    return len((await api.acme.get("/v1/audit?action=test.effect")).json()["items"])


async def with_effect(job):
    async with job.finishing({"number": job.payload["number"]}) as work:
        work.audit("test.effect", "test")
