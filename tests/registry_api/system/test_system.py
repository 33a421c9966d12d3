"""Health, readiness, metrics and status."""

from uuid import UUID

from sqlalchemy import insert

from patchbay.core.clock import utcnow
from patchbay.core.storage import LocalStorage
from registry_api.jobs.models import Job
from registry_api.jobs.queue import JobEntry, job_row
from tests.registry_api.steps import steps


async def test_a_running_registry_is_healthy_and_ready_without_a_token(api):
    assert (await api.nobody.get("/healthz")).json() == {"status": "ok"}
    assert (await api.nobody.get("/readyz")).json() == {"status": "ok"}


async def test_readiness_names_the_part_that_is_away(api, monkeypatch):
    def away(_key):
        raise OSError("disk gone")

    monkeypatch.setattr(api.app.state.storage, "exists", away)
    answer = await api.nobody.get("/readyz")
    assert answer.status_code == 503
    assert [error["pointer"] for error in answer.json()["errors"]] == ["storage"]
    assert "disk gone" not in answer.text
    assert answer.headers["Retry-After"] == "5"


async def test_readiness_fails_when_the_schema_is_behind_the_code(api):
    async with api.app.state.database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE registry_version SET version_num = '0000'")
    answer = await api.nobody.get("/readyz")
    assert answer.status_code == 503
    assert "schema is at 0000" in answer.json()["errors"][0]["detail"]


async def test_metrics_count_requests_by_route_template_and_never_by_tenant(api):
    await api.acme.get("/v1/tenants/acme")
    await api.acme.get("/v1/tenants/nowhere")
    await api.nobody.get("/no/such/path")
    text = (await api.nobody.get("/metrics")).text
    assert 'patchbay_requests_total{method="GET",route="/v1/tenants/{tenant}",status="200"} 1.0' in text
    assert 'patchbay_requests_total{method="GET",route="/v1/tenants/{tenant}",status="404"} 1.0' in text
    assert 'route="unmatched",status="404"} 1.0' in text
    assert "patchbay_build_info{" in text
    assert "patchbay_database_up 1.0" in text
    assert "acme" not in text


async def test_metrics_show_the_feed_head_and_the_job_queue(api):
    text = (await api.nobody.get("/metrics")).text
    assert "patchbay_feed_head_seq 3.0" in text  # three tenants were made
    assert 'patchbay_jobs{state="queued"} 0.0' in text


async def test_a_scrape_counts_jobs_that_need_somebody_and_passes_over_those_that_ended_well(api):
    entry = JobEntry("usage.compact", {}, UUID((await api.acme.get("/v1/tenants/acme")).json()["id"]), None, None, 5)

    async def add(number, state):
        rows = [{**job_row(entry, utcnow(), None), "state": state} for _ in range(number)]
        async with api.app.state.database.engine.begin() as connection:
            await connection.execute(insert(Job.__table__), rows)

    for number, state in enumerate(("queued", "running", "dead", "succeeded", "cancelled"), 1):
        await add(number, state)
    text = (await api.nobody.get("/metrics")).text
    counted = [line for line in text.splitlines() if line.startswith("patchbay_jobs{")]
    expected = {"queued": 1, "running": 2, "dead": 3}
    assert counted == [f'patchbay_jobs{{state="{state}"}} {count}.0' for state, count in expected.items()]
    status = (await api.service.get("/v1/system/status")).json()
    assert status["jobs"] == {**expected, "succeeded": 4, "cancelled": 5}
    few = await steps(api, api.nobody, "/metrics")
    await add(300, "succeeded")
    await add(300, "cancelled")
    assert await steps(api, api.nobody, "/metrics") <= few


async def test_metrics_still_answer_when_the_database_is_broken(api):
    async with api.app.state.database.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE jobs")
    answer = await api.nobody.get("/metrics")
    assert answer.status_code == 200
    assert "patchbay_database_up 0.0" in answer.text


async def test_status_counts_the_whole_registry_for_platform_roles_only(api):
    status = (await api.service.get("/v1/system/status")).json()
    assert status["migration"] == "0004"
    assert status["database"] == ("postgresql" if api.is_postgres else "sqlite")
    assert status["storage"] == "file"
    assert status["feeds"] == {"head_seq": 3}
    assert status["counts"] == {
        "plugins": 0,
        "releases": 0,
        "dependencies": 0,
        "advisories": 0,
        "targets": 0,
        "observations": 0,
        "segments": 0,
        "usage_rows": 0,
    }
    assert set(status["jobs"]) == {"queued", "running", "succeeded", "dead", "cancelled"}
    assert (await api.acme.get("/v1/system/status")).status_code == 403


async def test_a_storage_that_cannot_be_written_to_is_not_ready(api):
    api.app.state.storage = LocalStorage(api.settings.secret_file("admin.token") / "store")
    answer = await api.nobody.get("/readyz")
    assert answer.status_code == 503
    assert [error["pointer"] for error in answer.json()["errors"]] == ["storage"]


async def test_invented_methods_are_counted_as_one(api):
    for number in range(20):
        assert (await api.nobody.request(f"INVENTED{number}", "/healthz")).status_code == 405
    text = (await api.nobody.get("/metrics")).text
    assert "INVENTED" not in text
    assert 'method="other",route="/healthz",status="405"} 20.0' in text
