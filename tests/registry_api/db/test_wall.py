"""Row-level security: the database itself keeps tenants apart, whatever a repository forgets."""

import asyncio
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import create_engine, delete, func, insert, make_url, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from registry_api.audit.models import AuditRecord
from registry_api.catalog.models import Plugin, Release
from registry_api.db import Binding, Crossing, Database, Reader, Scope, UnitOfWork, crossing, rebind, system_principal
from registry_api.db.binding import SYSTEM_ROLE, TENANT_ROLE
from registry_api.db.metadata import METADATA
from registry_api.db.migrate import DRIVERS, VERSION_TABLE, downgrade, upgrade
from registry_api.db.repository import Repository
from registry_api.installs.models import Target
from registry_api.installs.repository import Installs
from registry_api.tenancy.models import Tenant
from tests.registry_api.conftest import ANY, prepare, running
from tests.registry_api.postgres import postgres_url

FLAGS = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS walled,
    array(SELECT r::regrole::text FROM pg_policy p, unnest(p.polroles) r WHERE p.polrelid = c.oid) AS roles
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""
ROLES = "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname LIKE 'patchbay%'"
OWNERS = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"


class Forgetful(Repository):
    """A repository that forgot its filter."""

    async def targets(self):
        return sorted((await self.session.execute(select(Target.name))).scalars())


@pytest.fixture
async def walled(api):
    """The application on PostgreSQL, with a target and a private plugin of each customer and a public one of the operator."""
    if not api.is_postgres:
        pytest.skip("SQLite has no row-level security")
    for caller, slug in ((api.acme, "acme"), (api.globex, "globex")):
        target = {"name": f"{slug}-target", "environment": "dev", "kind": "test"}
        assert (await caller.post("/v1/targets/batches", json={"targets": [target]})).json()["rejected"] == 0
        await published(caller, slug, "private")
    await published(api.operator, "shared", "public")
    await published(api.operator, "hidden", "private")
    return api


async def published(caller, name, visibility):
    body = {"namespace": "n", "name": name, "visibility": visibility, "releases": [{"version": "1.0.0"}]}
    assert (await caller.post("/v1/plugins", json=body)).status_code == 201


async def scope_of(api, caller):
    return Scope(await tenant_of(caller), await tenant_of(api.operator))


async def tenant_of(caller):
    return UUID((await caller.get("/v1/me")).json()["tenant"]["id"])


def inspected(api, query):
    parsed = make_url(api.settings.resolved_database_url)
    with create_engine(parsed.set(drivername=DRIVERS["postgresql"])).connect() as connection:
        return connection.execute(text(query)).all()


async def test_every_table_of_the_database_has_the_wall_forced_and_a_policy_for_each_role(walled):
    found = {row.relname: row for row in inspected(walled, FLAGS) if row.relname != VERSION_TABLE}
    assert set(found) == set(METADATA.tables)
    assert {name for name, row in found.items() if not row.walled} == set()
    assert {name for name, row in found.items() if set(row.roles) != {TENANT_ROLE, SYSTEM_ROLE}} == set()


async def test_the_application_roles_own_nothing_and_bypass_nothing(walled):
    roles = inspected(walled, ROLES)
    assert {row.rolname for row in roles} == {TENANT_ROLE, SYSTEM_ROLE}
    assert not any(row.rolsuper or row.rolbypassrls or row.rolcanlogin for row in roles)
    assert {TENANT_ROLE, SYSTEM_ROLE}.isdisjoint(row.tableowner for row in inspected(walled, OWNERS))


async def test_a_repository_that_forgets_its_filter_sees_nothing_of_another_tenant(walled):
    scope = await scope_of(walled, walled.acme)
    async with walled.app.state.database.reading() as session:
        assert await Forgetful(session, scope).targets() == ["acme-target"]
    async with walled.app.state.database.reading() as session:
        reader = Reader(session, system_principal(scope.tenant_id, scope.operator_id))
        assert await reader.repository(Forgetful).targets() == ["acme-target"]


async def test_a_session_that_nobody_bound_sees_nothing_in_any_table(walled):
    for table in METADATA.sorted_tables:
        async with walled.app.state.database.reading() as session:
            found = (await session.execute(select(func.count()).select_from(table))).scalar()
            assert (found, table.name) == (0, table.name)


async def test_a_routes_session_runs_as_the_tenant_role_and_a_platform_callers_as_the_system_role(walled, monkeypatch):
    seen, real = [], Installs.target

    async def noting(self, name):
        seen.append((await self.session.execute(text("SELECT current_user"))).scalar())
        return await real(self, name)

    monkeypatch.setattr(Installs, "target", noting)
    for caller in (walled.acme, walled.operator):
        await caller.get("/v1/targets/acme-target")
    assert seen == [TENANT_ROLE, SYSTEM_ROLE]


async def test_public_plugins_of_the_operator_and_their_releases_are_seen_and_its_private_ones_are_not(walled):
    async with walled.app.state.database.reading(await scope_of(walled, walled.acme)) as session:
        refs = (await session.execute(select(Plugin.ref).order_by(Plugin.ref))).scalars().all()
        releases = (await session.execute(select(func.count()).select_from(Release))).scalar()
    assert (refs, releases) == (["n:acme", "n:shared"], 2)


async def test_another_tenants_rows_can_be_neither_changed_nor_made(walled):
    mine, other = await scope_of(walled, walled.acme), await tenant_of(walled.globex)
    database = walled.app.state.database
    async with database.writing(mine) as session:
        changed = await session.execute(update(Target).values(title="mine"))
        assert changed.rowcount == 1
    async with database.writing(mine) as session:
        with pytest.raises(ProgrammingError, match="row-level security"):
            row = {"id": new_id(), "recorded_at": utcnow(), "tenant_id": other, "name": "forged"}
            row |= {"environment": "dev", "kind": "test", "lifecycle": "active"}
            await session.execute(insert(Target), [row])
    async with database.writing(mine) as session:
        with pytest.raises(ProgrammingError, match="row-level security"):
            await session.execute(update(Plugin).values(title="mine"))


@pytest.mark.parametrize("reach", ["tenant", "crossing"])
async def test_nobody_rewrites_the_audit_log(walled, reach):
    bound = await scope_of(walled, walled.acme) if reach == "tenant" else Crossing.SETUP
    for change in (update(AuditRecord).values(actor="system"), delete(AuditRecord)):
        async with walled.app.state.database.writing(bound) as session:
            with pytest.raises(ProgrammingError, match="permission denied"):
                await session.execute(change)


async def test_a_tenants_session_does_not_set_its_own_plan_or_status(walled):
    mine = await scope_of(walled, walled.acme)
    async with walled.app.state.database.writing(mine) as session:
        assert (await session.execute(delete(Tenant))).rowcount == 0
        with pytest.raises(ProgrammingError, match="row-level security"):
            await session.execute(update(Tenant).values(plan="free"))


async def test_two_tenants_interleaved_on_two_pooled_connections_never_see_each_other(walled):
    scopes = {"acme": await scope_of(walled, walled.acme), "globex": await scope_of(walled, walled.globex)}
    database = Database(walled.settings.resolved_database_url, pool_size=1)  # and one more where it overflows

    async def look(slug):
        async with database.reading() as session:
            seen = await Forgetful(session, scopes[slug]).targets()
            await asyncio.sleep(0)
            return seen == [f"{slug}-target"] == await Forgetful(session, scopes[slug]).targets()

    try:
        whose = ["acme", "globex"] * 100
        assert all(await asyncio.gather(*map(look, whose)))
        async with database.reading() as session:
            assert (await session.execute(select(func.count()).select_from(Target))).scalar() == 0
    finally:
        await database.close()


async def test_a_crossing_ends_with_its_block_also_when_the_block_fails(walled):
    scope = await scope_of(walled, walled.acme)
    async with walled.app.state.database.reading(scope) as session:
        forgetful = Forgetful(session, scope)
        async with crossing(session, Crossing.REMOVAL):
            assert len(await forgetful.targets()) == 2
            async with crossing(session, Crossing.LINKS):
                assert len(await forgetful.targets()) == 2
            assert len(await forgetful.targets()) == 2
        assert await forgetful.targets() == ["acme-target"]
        with pytest.raises(ZeroDivisionError):
            async with crossing(session, Crossing.REMOVAL):
                raise ZeroDivisionError
        assert await forgetful.targets() == ["acme-target"]
        with pytest.raises(ProgrammingError):
            async with crossing(session, Crossing.REMOVAL):
                await session.execute(text("SELECT * FROM no_such_table"))
        await session.rollback()
        assert await forgetful.targets() == ["acme-target"]


async def test_a_flush_that_fails_in_a_crossing_is_told_as_what_it_is(walled):
    scope = await scope_of(walled, walled.acme)
    async with walled.app.state.database.writing(scope) as session:
        with pytest.raises(IntegrityError):
            async with crossing(session, Crossing.REMOVAL):
                session.add(Tenant(slug="acme", name="Taken"))
                await session.flush()
        await session.rollback()
        assert await Forgetful(session, scope).targets() == ["acme-target"]


async def test_a_binding_outlives_the_commit(walled):
    scope = await scope_of(walled, walled.acme)
    async with walled.app.state.database.writing() as session:
        work = UnitOfWork(session, system_principal(scope.tenant_id, scope.operator_id))
        work.audit("test.first", "test")
        await work.commit()
        assert await work.repository(Forgetful).targets() == ["acme-target"]


async def test_a_session_cannot_be_bound_to_a_second_tenant_nor_after_it_began_unbound(walled):
    mine, other = await scope_of(walled, walled.acme), await scope_of(walled, walled.globex)
    async with walled.app.state.database.reading(mine) as session:
        with pytest.raises(RuntimeError, match="the session is bound to"):
            Reader(session, system_principal(other.tenant_id, other.operator_id))
        with pytest.raises(RuntimeError, match="not to the tenant"):
            Forgetful(session, other)
    async with walled.app.state.database.reading() as session:
        await session.execute(select(1))
        with pytest.raises(RuntimeError, match="the session is bound to None"):
            Reader(session, system_principal(mine.tenant_id, mine.operator_id))
    async with walled.app.state.database.reading(mine) as session:
        await rebind(session, Binding.to(other))
        assert await Forgetful(session, other).targets() == ["globex-target"]


async def test_an_operators_author_who_publishes_links_what_waited_in_other_tenants(walled):
    needing = {"version": "1.0.0", "dependencies": [{"ref": "n:late"}]}
    body = {"namespace": "n", "name": "needing", "visibility": "private", "releases": [needing]}
    assert (await walled.acme.post("/v1/plugins", json=body)).status_code == 201
    author = walled.client(await walled.token(walled.operator, role="author"))
    await published(author, "late", "public")
    [row] = (await walled.acme.get("/v1/plugins/n:needing/dependencies")).json()["items"]
    assert row["dependency_plugin_id"] == (await walled.acme.get("/v1/plugins/n:late")).json()["id"]


async def test_a_token_that_may_write_tenants_makes_changes_and_deletes_any_and_reads_its_own_only(api):
    maker = api.client(await api.token(api.operator, scopes=["tenancy:write", "tenancy:read"]))
    made = await maker.post("/v1/tenants", json={"slug": "fresh", "name": "Fresh"})
    assert made.status_code == 201, made.text
    assert (await api.client(made.json()["token"]).get("/v1/me")).json()["tenant"]["slug"] == "fresh"
    stopped = await maker.patch("/v1/tenants/fresh", json={"status": "suspended"}, headers=ANY)
    assert (stopped.status_code, stopped.json()["status"]) == (200, "suspended")
    deleted = await maker.delete(f"/v1/tenants/{made.json()['tenant']['id']}")
    assert (deleted.status_code, deleted.json()["status"]) == (202, "deleting")
    for nobody in ("nobody", str(new_id())):
        assert (await maker.patch(f"/v1/tenants/{nobody}", json={"name": "x"}, headers=ANY)).status_code == 404
        assert (await maker.delete(f"/v1/tenants/{nobody}")).status_code == 404
    assert (await maker.get("/v1/tenants/fresh")).status_code == 404, "every tenant is for platform roles to read"
    assert [row["slug"] for row in (await maker.get("/v1/tenants")).json()["items"]] == ["operator"]


def test_every_reason_to_reach_beyond_a_tenant_is_used_and_explained():
    used = "".join(path.read_text() for path in Path("registry_api").rglob("*.py"))
    page = Path("docs/explanation/tenancy.md").read_text()
    for reason in Crossing:
        assert f"Crossing.{reason.name}" in used, f"{reason.name} is no reason any more"
        assert reason.value in page, f"docs/explanation/tenancy.md does not list {reason.name}: {reason.value}"


@pytest.mark.postgres
async def test_the_registry_is_set_up_and_runs_as_an_ordinary_login_whom_the_wall_holds_too(postgres_server, tmp_path):
    """No superuser: the login owns database and tables, so that without FORCE it would see every row."""
    name = f"o{new_id().hex}"
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD 'secret'")
        for role in (TENANT_ROLE, SYSTEM_ROLE):  # those of another registry on the server are there already
            found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            if found:
                connection.execute(f"GRANT {role} TO {name}")
        connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    url = make_url(postgres_url(postgres_server, name)).set(username=name, password="secret")
    settings = Settings(home=tmp_path / "home", job_workers=0, database_url=url.render_as_string(hide_password=False))
    tokens = await asyncio.to_thread(prepare, settings)
    async with running(settings, tokens) as api:
        target = {"name": "mine", "environment": "dev", "kind": "test"}
        assert (await api.acme.post("/v1/targets/batches", json={"targets": [target]})).json()["created"] == 1
        assert (await api.acme.get("/v1/targets/mine")).status_code == 200
        assert (await api.globex.get("/v1/targets/mine")).status_code == 404
        assert (await api.operator.get("/readyz")).status_code == 200
        owner = "SELECT current_user AS login, (SELECT count(*) FROM targets) AS seen, pg_has_role('pg_read_all_data', 'USAGE') AS super"
        [row] = inspected(api, owner)
        assert (row.login, row.seen, row.super) == (name, 0, False)
    downgrade(settings.resolved_database_url)
    upgrade(settings.resolved_database_url)
