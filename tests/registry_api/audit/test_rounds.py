"""Rounds of checkpoints do not believe for long what the database says of them."""

import asyncio

from registry_api.audit import anchoring as anchoring_module
from registry_api.audit.anchoring import Anchoring
from tests.registry_api.audit import tampering
from tests.registry_api.audit.tampering import history
from tests.registry_api.audit.test_tampering import faults


async def silenced(api):
    """Say of the chain that it was anchored to its end."""
    _, [head] = await tampering.stolen(api)
    await tampering.set_head(api, anchored_size=head["position"], anchored_frontier=head["frontier"])


async def test_a_chain_that_is_said_to_be_anchored_and_is_not_is_found_by_the_next_whole_round(api, caplog):
    anchoring: Anchoring = api.app.state.anchoring
    await anchoring.round(whole=True)
    await history(api, 2)
    await silenced(api)
    await anchoring.round()
    assert await faults(api) == {"refused": 0, "failed": 0}
    await anchoring.round(whole=True)
    assert await faults(api) == {"refused": 1, "failed": 0}
    assert "audit chain was tampered with" in caplog.text


async def test_a_whole_round_goes_to_those_chains_only_that_it_has_not_seen_anchored(api, monkeypatch):
    anchoring: Anchoring = api.app.state.anchoring
    real, tried = Anchoring.anchor, []

    async def noting(self, tenant_id, operator_id):
        tried.append(tenant_id)
        return await real(self, tenant_id, operator_id)

    monkeypatch.setattr(Anchoring, "anchor", noting)
    counts = []
    for _ in range(2):
        await anchoring.round(whole=True)
        counts.append(len(tried))
    await history(api, 1)
    await anchoring.anchor(*await acme_and_operator(api))
    await anchoring.round(whole=True)
    assert counts == [3, 3] and len(tried) == 4


async def test_after_a_restart_nothing_is_signed_that_was_signed_before(api):
    before: Anchoring = api.app.state.anchoring
    await before.round(whole=True)
    restarted, where = Anchoring(before.database, before.anchors, before.key), await acme_and_operator(api)
    assert await restarted.anchor(*where) is None
    assert restarted.seen == {where[0]: before.seen[where[0]]}


async def acme_and_operator(api):
    async with api.app.state.database.engine.connect() as connection:
        return [await tampering.tenant_id(connection, "acme"), await tampering.tenant_id(connection, "operator")]


async def test_every_tenth_round_is_a_whole_one_and_the_last_good_one_is_told(api, monkeypatch):
    monkeypatch.setattr(anchoring_module, "WHOLE_EVERY", 3)
    tried = []

    async def noting(self, *, whole=False):
        tried.append(whole)

    monkeypatch.setattr(Anchoring, "round", noting)
    assert await last_round(api) == 0
    task = asyncio.create_task(api.app.state.anchoring.run(0.001))
    while len(tried) < 7:
        await asyncio.sleep(0.01)
    task.cancel()
    assert tried[:7] == [True, False, False, True, False, False, True]
    assert await last_round(api) > 1.7e9


async def last_round(api):
    told = (await api.nobody.get("/metrics")).text
    name = "patchbay_audit_anchor_round_timestamp_seconds "
    return float(next(line for line in told.splitlines() if line.startswith(name)).removeprefix(name))
