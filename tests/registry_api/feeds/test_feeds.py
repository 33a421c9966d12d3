"""Feeds: what they hold, who sees what, and in which form."""

import io
import json
from uuid import UUID

import pyarrow as pa
import pytest

from patchbay.core.clock import utcnow
from patchbay.core.contracts import FEEDS
from patchbay.core.ids import new_id
from registry_api.db import UnitOfWork, system_principal
from registry_api.feeds import repository

ARROW = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"
EXAMPLES = {
    "string": 'text with "quotes", a line\nbreak and ümläut',
    "int64": 2**53 + 1,
    "bool": True,
    "strings": ["b", "a"],
}


def example(feed):
    """A payload with every column set, and one with every nullable column null."""
    columns = FEEDS[feed].columns[6:]
    values = {**EXAMPLES, "timestamp": utcnow()}
    full = {column.name: values[column.type] for column in columns}
    return full, {column.name: None if column.nullable else full[column.name] for column in columns}


async def publish(api, feed, payloads, slug="acme", public=False):
    """Commit feed rows of a tenant, as a domain's service would."""
    async with api.app.state.database.writing() as session:
        tenants = {item["slug"]: item["id"] for item in (await api.operator.get("/v1/tenants")).json()["items"]}
        tenant, operator = UUID(tenants[slug]), UUID(tenants["operator"])
        work = UnitOfWork(session, system_principal(tenant, operator))
        for payload in payloads:
            work.publish(feed, "upsert", new_id(), payload, tenant_id=tenant, public=public)
        work.audit("test.published", "test")
        await work.commit()


def table(answer):
    assert answer.headers["content-type"] == ARROW, answer.text
    return pa.ipc.open_stream(io.BytesIO(answer.content)).read_all()


def rows(answer):
    assert answer.headers["content-type"] == NDJSON, answer.text
    return [json.loads(line) for line in answer.content.splitlines()]


@pytest.mark.parametrize("feed", FEEDS)
async def test_every_feed_reads_back_in_both_forms_with_the_contracts_schema(api, feed):
    await publish(api, feed, example(feed))
    after = 3 if feed == "tenants" else 0
    arrow = table(await api.service.get(f"/v1/feeds/{feed}?after={after}", headers={"Accept": ARROW}))
    assert arrow.schema == FEEDS[feed].arrow_schema()
    lines = rows(await api.service.get(f"/v1/feeds/{feed}?after={after}", headers={"Accept": NDJSON}))
    assert [list(line) for line in lines] == [list(FEEDS[feed].column_names)] * 2
    full, sparse = example(feed)
    for name in full:
        if FEEDS[feed].columns[FEEDS[feed].column_names.index(name)].type != "timestamp":
            assert [line[name] for line in lines] == [full[name], sparse[name]]
            assert arrow.column(name).to_pylist() == [full[name], sparse[name]]


async def test_times_are_the_same_instant_in_both_forms(api):
    moment = utcnow().replace(microsecond=120)
    whole = moment.replace(microsecond=0)
    payload, _ = example("observations")
    await publish(api, "observations", [{**payload, "occurred_at": moment}, {**payload, "occurred_at": whole}])
    arrow = table(await api.acme.get("/v1/feeds/observations", headers={"Accept": ARROW}))
    assert arrow.column("occurred_at").to_pylist() == [moment, whole]
    lines = rows(await api.acme.get("/v1/feeds/observations"))
    assert [line["occurred_at"] for line in lines] == [t.isoformat().replace("+00:00", "Z") for t in (moment, whole)]


async def test_an_empty_page_still_has_the_schema_and_the_cursor(api):
    answer = await api.acme.get("/v1/feeds/releases?after=17", headers={"Accept": ARROW})
    assert table(answer).schema == FEEDS["releases"].arrow_schema()
    assert table(answer).num_rows == 0
    assert (answer.headers["Patchbay-Next-After"], answer.headers["Patchbay-More"]) == ("17", "false")
    assert (await api.acme.get("/v1/feeds/releases")).content == b""


async def test_paging_by_cursor_sees_every_row_once(api):
    payload, _ = example("targets")
    await publish(api, "targets", [{**payload, "name": str(number)} for number in range(25)])
    seen, after, more = [], 0, "true"
    while more == "true":
        answer = await api.acme.get(f"/v1/feeds/targets?after={after}&limit=10")
        seen += [row["name"] for row in rows(answer)]
        after, more = answer.headers["Patchbay-Next-After"], answer.headers["Patchbay-More"]
    assert seen == [str(number) for number in range(25)]


async def test_a_tenant_sees_its_own_rows_and_the_operators_public_ones(api):
    payload, _ = example("plugins")
    for slug, name, public in (
        ("acme", "own", False),
        ("operator", "public", True),
        ("operator", "private", False),
        ("globex", "foreign", False),
        ("globex", "foreign but public", True),
    ):
        await publish(api, "plugins", [{**payload, "name": name}], slug, public)

    async def names(caller, **headers):
        return [row["name"] for row in rows(await caller.get("/v1/feeds/plugins", headers=headers))]

    assert await names(api.acme) == ["own", "public"]
    assert await names(api.globex) == ["public", "foreign", "foreign but public"]
    everything = ["own", "public", "private", "foreign", "foreign but public"]
    assert await names(api.service) == await names(api.operator) == everything
    assert await names(api.operator, **{"Patchbay-Tenant": "acme"}) == ["own", "public"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", NDJSON),
        ("application/*", NDJSON),
        (ARROW, ARROW),
        (f"{NDJSON};q=0.5, {ARROW}", ARROW),
        (f"{ARROW};q=0, */*", NDJSON),
        (f"text/html, {ARROW};q=0.2, */*;q=0.1", ARROW),
    ],
)
async def test_the_form_is_the_one_the_caller_likes_best(api, accept, form):
    answer = await api.acme.get("/v1/feeds/plugins", headers={"Accept": accept})
    assert answer.headers["content-type"] == form
    assert answer.headers["vary"].split(", ")[0] == "Accept"


@pytest.mark.parametrize("accept", ["text/csv", "application/json", f"{NDJSON};q=0, {ARROW};q=0"])
async def test_a_form_we_do_not_have_is_refused(api, accept):
    answer = await api.acme.get("/v1/feeds/plugins", headers={"Accept": accept})
    assert answer.status_code == 406
    assert ARROW in answer.json()["detail"]


async def test_an_unknown_feed_is_answered_with_the_right_name(api):
    answer = await api.acme.get("/v1/feeds/plugin")
    assert answer.status_code == 404
    assert "Did you mean plugins?" in answer.json()["detail"]


async def test_the_list_of_feeds_says_what_each_row_is(api):
    listed = {feed["name"]: feed for feed in (await api.acme.get("/v1/feeds")).json()["items"]}
    assert set(listed) == set(FEEDS)
    assert [column["name"] for column in listed["targets"]["columns"]] == list(FEEDS["targets"].column_names)
    assert listed["targets"]["grain"] == "one change of a target"


async def test_a_payload_that_does_not_fit_its_contract_is_refused_before_it_is_stored(api):
    payload, _ = example("targets")
    for wrong in ({**payload, "more": 1}, {name: value for name, value in payload.items() if name != "kind"}):
        with pytest.raises(ValueError, match="feed targets needs"):
            await publish(api, "targets", [wrong])


async def test_a_feed_row_without_an_audit_record_is_refused(api):
    payload, _ = example("targets")
    async with api.app.state.database.writing() as session:
        work = UnitOfWork(session, system_principal(new_id(), new_id()))
        work.publish("targets", "upsert", new_id(), payload, tenant_id=new_id())
        with pytest.raises(RuntimeError, match="without an audit record"):
            await work.commit()


async def test_the_last_page_leads_past_the_rows_of_others(api):
    payload, _ = example("targets")
    await publish(api, "targets", [payload] * 3, "globex")
    head = (await api.acme.get("/v1/feeds")).json()["head_seq"]
    answer = await api.acme.get("/v1/feeds/targets")
    assert (rows(answer), answer.headers["Patchbay-Next-After"]) == ([], str(head))
    await publish(api, "targets", [payload])
    (new,) = rows(await api.acme.get(f"/v1/feeds/targets?after={head}"))
    assert new["seq"] > head


async def test_a_page_ends_early_where_it_would_grow_too_large(api, monkeypatch):
    monkeypatch.setattr(repository, "PAGE_BYTES", 1000)
    payload, _ = example("targets")
    await publish(api, "targets", [{**payload, "name": str(n), "title": "x" * (300 * n)} for n in range(1, 6)])
    seen, after, more, sizes = [], 0, "true", []
    while more == "true":
        answer = await api.acme.get(f"/v1/feeds/targets?after={after}")
        seen += [row["name"] for row in rows(answer)]
        sizes.append(len(rows(answer)))
        after, more = answer.headers["Patchbay-Next-After"], answer.headers["Patchbay-More"]
    assert seen == ["1", "2", "3", "4", "5"]
    assert len(sizes) > 2
