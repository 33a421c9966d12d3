"""Ten attacks by somebody who may write to the whole database: each is found, by the chain or by the anchors."""

import asyncio
import re
import threading

import pytest

from patchbay.core.audit.anchors import FolderAnchors
from patchbay.core.audit.merkle import Frontier, leaf_hash
from patchbay.core.audit.notes import Checkpoint, origin_of, sign
from patchbay.core.audit.records import link
from patchbay.core.audit.verify import AnchoredWalk
from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from patchbay.core.storage import StorageUnavailable
from registry_api.audit import verify
from registry_api.audit.anchoring import Anchoring
from registry_api.db import Database
from registry_api.db.migrate import upgrade
from registry_api.secrets import checkpoint_key
from tests.registry_api.audit import tampering
from tests.registry_api.audit.tampering import (
    anchored_history,
    checkpoint,
    exported,
    history,
    is_found,
    offline,
    put_back,
    rewritten,
    verdict,
)

FRESH = {"id": str(new_id())}
"""No two records of the table have one id."""


def without(place):
    return lambda documents: documents[: place - 1] + documents[place:]


async def test_1_an_edited_record_is_found(api):
    await anchored_history(api)
    rows, heads = await tampering.stolen(api)
    rows[2]["canonical"] = rows[2]["canonical"].replace(b'"t0"', b'"no"')
    await put_back(api, rows, heads)
    await is_found(api, "its content is not what was hashed", signed=True)
    assert (await verdict(api))["broken_at"] == 3


async def test_2_a_record_deleted_in_the_middle_is_found_by_the_gap_and_by_the_anchor_when_the_gap_is_closed(api):
    await anchored_history(api)
    rows, heads = await tampering.stolen(api)
    await put_back(api, rows[:2] + rows[3:], heads)
    await is_found(api, "record 3 is missing; the next one is 4", signed=True)
    await put_back(api, rows, heads)
    await rewritten(api, without(3))
    file = await is_found(api, "the chain ends at 6, but 9 records were anchored")
    assert (await offline(api, file, trusting=False)).valid, "in itself the forged chain is whole"


async def test_3_a_deleted_tail_is_found_though_the_head_was_moved_with_it(api):
    await anchored_history(api)
    await rewritten(api, lambda documents: documents[:-2])
    await is_found(api, "the chain ends at 5, but 7 records were anchored")


async def test_4_records_in_another_order_are_found(api):
    await anchored_history(api)
    rows, heads = await tampering.stolen(api)
    rows[2]["position"], rows[3]["position"] = 4, 3
    await put_back(api, rows, heads)
    await is_found(api, "it does not follow the record before it", signed=True)
    await put_back(api, *await _reset(rows, heads))

    def swapped(documents):
        documents[2]["at"], documents[3]["at"] = documents[3]["at"], documents[2]["at"]
        documents[2], documents[3] = documents[3], documents[2]
        return documents

    await rewritten(api, swapped)
    await is_found(api, "the first 7 records are not those that were anchored")


async def _reset(rows, heads):
    rows[2]["position"], rows[3]["position"] = 3, 4
    return rows, heads


async def test_5_a_record_of_an_earlier_time_is_found_at_the_end_and_in_the_middle(api):
    await anchored_history(api)
    rows, heads = await tampering.stolen(api)
    await rewritten(
        api, lambda documents: [*documents, {**documents[-1], **FRESH, "at": "2020-01-01T00:00:00.000000Z"}]
    )
    await is_found(api, "its time is before that of the record before it")
    await put_back(api, rows, heads)
    await rewritten(api, lambda documents: [*documents[:3], {**documents[3], "at": documents[2]["at"]}, *documents[4:]])
    await is_found(api, "the first 7 records are not those that were anchored")


async def test_6_a_fork_shows_two_views_of_which_only_the_anchored_one_verifies(api):
    await anchored_history(api)
    true_view = await exported(api)
    await rewritten(api, lambda documents: [*documents[:5], {**documents[5], "subject": "token:other"}, documents[6]])
    other_view = await is_found(api, "the first 7 records are not those that were anchored")
    assert (await offline(api, true_view)).valid
    assert (await offline(api, true_view, trusting=False)).valid
    assert (await offline(api, other_view, trusting=False)).valid, "each view is whole in itself"
    job = await checkpoint(api)
    assert (job["state"], "not those that" in job["last_error"]) == ("dead", True), "the log does not sign a fork"


async def test_2b_a_record_that_is_gone_from_the_end_of_what_was_anchored_is_not_signed_over(api):
    await anchored_history(api)
    rows, heads = await tampering.stolen(api)
    await put_back(api, rows[:-1], heads)
    assert "record 7 is missing" in (await checkpoint(api))["last_error"]


async def test_6b_the_log_signs_no_fork_that_hides_behind_what_the_database_remembers(api):
    await anchored_history(api)
    edit = lambda documents: [{**documents[0], "subject": "tenant:other"}, *documents[1:]]  # noqa: E731
    await rewritten(api, edit, covering=True)
    job = await checkpoint(api)
    assert (job["state"], "the first 7 records" in job["last_error"]) == ("dead", True)


async def test_7_chains_that_change_places_are_found(api):
    await anchored_history(api)
    ours, theirs = await tampering.stolen(api), await tampering.stolen(api, "globex")
    await put_back(api, *ours, slug="globex")
    await put_back(api, *theirs, slug="acme")
    for caller in ("acme", "globex"):
        found = await verdict(api, caller)
        assert (found["valid"], found["reason"]) == (False, "it belongs to another tenant's chain")
        assert (await checkpoint(api, caller))["state"] == "dead"
    assert not (await offline(api, await exported(api))).valid
    await put_back(api, ours[0], [head | {"anchored_size": 0} for head in ours[1]], slug="globex")
    job = await checkpoint(api, "globex")
    assert (job["state"], "another tenant's chain" in job["last_error"]) == ("dead", True)


async def test_8_a_chain_that_was_hashed_anew_from_its_first_record_is_found(api):
    await anchored_history(api)
    await rewritten(api, lambda documents: [{**one, "actor": "system"} for one in documents])
    file = await is_found(api, "the first 7 records are not those that were anchored")
    assert (await offline(api, file, trusting=False)).valid


async def test_9_records_lost_in_a_crash_after_their_checkpoint_are_found(api):
    await history(api)
    backup = await tampering.stolen(api)
    await history(api, 2)
    await checkpoint(api)
    await put_back(api, *backup)
    await is_found(api, "the chain ends at 6, but 9 records were anchored")


async def test_9b_after_a_crash_between_append_and_checkpoint_the_gap_is_told_and_then_closed(api):
    await anchored_history(api)
    await history(api, 3)
    found = await verdict(api)
    assert (found["valid"], found["records"], found["anchored"]) == (True, 10, 7)
    assert (await checkpoint(api))["result"] == {"anchored": 11}
    found = await verdict(api)
    assert (found["valid"], found["records"], found["anchored"], found["checkpoints"]) == (True, 11, 11, 2)


async def test_9c_a_checkpoint_that_the_database_did_not_learn_of_is_gone_on_from(api):
    await anchored_history(api)
    await tampering.set_head(api, anchored_size=0, anchored_frontier=b"")
    assert (await checkpoint(api))["result"] == {"anchored": 8}
    assert (await verdict(api))["valid"]


async def test_10_an_old_backup_that_was_restored_is_found_and_nothing_is_signed_on_top_of_it(api):
    await history(api, 1)
    await checkpoint(api)
    backup = await tampering.stolen(api)
    await history(api, 3)
    await checkpoint(api)
    await put_back(api, *backup)
    assert (await verdict(api))["reason"] == "the chain ends at 4, but 8 records were anchored"
    job = await checkpoint(api)
    assert (job["state"], "but 8 records were anchored" in job["last_error"]) == ("dead", True)
    await history(api, 6)
    await is_found(api, "the first 8 records are not those that were anchored")
    assert (await checkpoint(api))["state"] == "dead"


async def test_a_tree_that_does_not_fit_its_records_is_found_and_not_signed(api):
    await history(api)
    tree = Frontier()
    for number in range(6):
        tree.append(leaf_hash(b"%d" % number))
    await tampering.set_head(api, frontier=tree.stored)
    assert (await verdict(api))["reason"] == "the head's tree is not that of the records"
    await put_back(api, *await _with_tree(api, tree))
    assert (await checkpoint(api))["state"] == "dead"


async def _with_tree(api, tree):
    rows, [head] = await tampering.stolen(api)
    return rows, [head | {"frontier": tree.stored}]


async def test_anchors_that_are_gone_or_not_ours_stop_the_signing(api):
    await anchored_history(api)
    [kept] = (api.settings.root / "anchors").glob("*")
    whole = kept.read_text()
    kept.unlink()
    await is_found(api, "7 records were anchored, but the checkpoints that are kept cover 0")
    job = await checkpoint(api)
    assert "now there are none" in job["last_error"]
    tenant = (await api.acme.get("/v1/me")).json()["tenant"]["id"]
    kept.write_text(whole.replace(tenant, str(tenant)[::-1]))
    assert "cannot be relied on" in (await checkpoint(api))["last_error"]
    found = await verdict(api)
    assert (found["valid"], found["broken_at"]) == (False, 1)
    fork = Checkpoint(origin_of(tenant), 7, bytes(32))
    kept.write_text(whole)
    FolderAnchors(kept.parent).append(tenant, 7, sign(fork, checkpoint_key(api.settings)))
    assert "two checkpoints of the same size" in (await checkpoint(api))["last_error"]
    assert not (await verdict(api))["valid"]


async def test_the_round_anchors_every_chain_that_has_grown_and_reports_those_it_refuses(api, caplog):
    await history(api)
    anchoring: Anchoring = api.app.state.anchoring
    await anchoring.round()
    sizes = [(await verdict(api, caller))["anchored"] for caller in ("acme", "globex", "operator")]
    assert sizes == [(await verdict(api, caller))["records"] for caller in ("acme", "globex", "operator")]
    before = [file.read_bytes() for file in sorted((api.settings.root / "anchors").iterdir())]
    await anchoring.round(whole=True)
    assert [file.read_bytes() for file in sorted((api.settings.root / "anchors").iterdir())] == before
    await rewritten(api, lambda documents: documents[:-2])
    await history(api, 1)
    await anchoring.round()
    [told] = [record for record in caplog.records if record.message == "audit chain was tampered with"]
    assert "6 records were anchored" in told.error
    assert (await verdict(api, "globex"))["valid"]
    assert await faults(api) == {"refused": 1, "failed": 0}


async def faults(api):
    """What an alarm watches."""
    told = (await api.nobody.get("/metrics")).text
    found = re.findall(r'patchbay_audit_anchor_faults_total\{outcome="(\w+)"\} (\d+)', told)
    return {outcome: int(count) for outcome, count in found}


async def test_a_head_that_was_tampered_with_keeps_no_other_chain_from_its_checkpoint(api):
    await anchored_history(api)
    await tampering.set_head(api, anchored_frontier=b"short")
    await history(api, 1)
    await api.app.state.anchoring.round(whole=True)
    for caller in ("acme", "globex", "operator"):
        found = await verdict(api, caller)
        assert (found["valid"], found["anchored"]) == (True, found["records"])


async def test_an_error_in_one_chain_keeps_no_other_from_its_checkpoint_and_an_outage_ends_the_round(api, monkeypatch):
    await history(api)
    real, tried = Anchoring.anchor, []

    async def failing(self, tenant_id, operator_id):
        tried.append(tenant_id)
        if len(tried) == 1:
            raise error
        return await real(self, tenant_id, operator_id)

    monkeypatch.setattr(Anchoring, "anchor", failing)
    error = ZeroDivisionError("a fault of ours")
    with pytest.raises(ExceptionGroup) as told:
        await api.app.state.anchoring.round()
    assert (told.value.exceptions, len(tried)) == ((error,), 3)
    tried.clear()
    error = StorageUnavailable("anchors", OSError("away"))
    with pytest.raises(StorageUnavailable):
        await api.app.state.anchoring.round(whole=True)
    assert len(tried) == 1


async def test_checkpoints_are_read_beside_the_event_loop(api, monkeypatch):
    await anchored_history(api)
    threads = []

    def noting(*arguments):
        threads.append(threading.current_thread())
        return AnchoredWalk(*arguments)

    monkeypatch.setattr(verify, "AnchoredWalk", noting)
    assert (await verdict(api))["valid"]
    assert len(threads) == 1 and threads[0] is not threading.current_thread()


async def test_bytes_that_are_no_record_are_a_verdict_and_do_not_hide_the_rest_of_the_log(api):
    await history(api)
    rows, [head] = await tampering.stolen(api)
    previous, tree = rows[-2]["hash"], Frontier()
    rows[-1]["canonical"] = rows[-1]["canonical"][:-1]
    head["hash"] = rows[-1]["hash"] = link(previous, rows[-1]["canonical"])
    for row in rows:
        tree.append(leaf_hash(row["canonical"]))
    await put_back(api, rows, [head | {"frontier": tree.stored}])
    found = await verdict(api)
    assert (found["valid"], found["broken_at"]) == (False, 6)
    assert found["reason"] == "its bytes were hashed, but are no record"
    page = await api.acme.get("/v1/audit")
    assert page.status_code == 200, page.text
    assert list(page.json()["items"][1]["change"]) == ["unreadable"]
    assert page.json()["items"][2]["change"] == {}


async def test_a_record_under_another_id_is_found(api):
    await history(api)
    rows, heads = await tampering.stolen(api)
    rows[2]["id"] = new_id()
    await put_back(api, rows, heads)
    found = await verdict(api)
    assert (found["broken_at"], found["reason"]) == (3, "its column id differs from what was hashed")


async def test_a_chain_without_its_head_is_found_and_not_signed(api):
    await history(api)
    rows, _ = await tampering.stolen(api)
    async with api.app.state.database.engine.begin() as connection:
        tenant = await tampering.tenant_id(connection, "acme")
        await connection.execute(tampering.HEADS.delete().where(tampering.HEADS.c.tenant_id == tenant))
    assert (await verdict(api))["reason"] == "there are records but no head"
    with pytest.raises(Exception, match="the head is gone"):
        await api.app.state.anchoring.anchor(rows[0]["tenant_id"], rows[0]["tenant_id"])


async def test_the_task_anchors_by_itself_and_goes_on_after_an_outage(api, monkeypatch, caplog):
    anchoring: Anchoring = api.app.state.anchoring
    tried = []
    real = Anchoring.round

    async def failing_once(self, *, whole=False):
        tried.append(whole)
        if len(tried) == 1:
            raise OSError("the disk is away")
        await real(self, whole=whole)

    monkeypatch.setattr(Anchoring, "round", failing_once)
    task = asyncio.create_task(anchoring.run(0.01))
    while (await verdict(api))["anchored"] == 0 or len(tried) < 4:
        await asyncio.sleep(0.02)
    task.cancel()
    assert tried[:3] == [True, True, False], "all chains are looked at until that has gone well once"
    assert "they are tried again" in caplog.text
    assert (await faults(api))["failed"] == 1


async def test_an_empty_registry_has_nothing_to_anchor(tmp_path):
    settings = Settings(home=tmp_path)
    upgrade(settings.resolved_database_url)
    database = Database(settings.resolved_database_url)
    await Anchoring(database, FolderAnchors(tmp_path / "anchors"), checkpoint_key(settings)).round(whole=True)
    await database.close()
    assert not (tmp_path / "anchors").exists()
