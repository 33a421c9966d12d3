"""An exported chain and proofs about it, with no registry in sight."""

import io
from collections.abc import Callable
from uuid import UUID

import pytest

from patchbay.core.audit import verify as verifying
from patchbay.core.audit.export import BadExport, ExportedChain, Header, checkpoint_line, record_line
from patchbay.core.audit.merkle import leaf_hash, root_of
from patchbay.core.audit.notes import Checkpoint, opened, origin_of, sign
from patchbay.core.audit.proofs import claim_of, fault_in, prove_consistency, prove_inclusion
from patchbay.core.audit.records import GENESIS, link, opening
from patchbay.core.audit.verify import Verdict, verify_export
from tests.core.audit.test_notes import KEY, PUBLIC

TENANT = UUID(int=7)
Rows = list[tuple[int, str]]
"""Position and time as the records say them."""

RIGHT = [(number, f"2026-01-01T00:00:{number:02}.000000Z") for number in range(1, 13)]


def canonicals(rows: Rows, tenant: UUID = TENANT) -> list[bytes]:
    return [opening(tenant, position) + at.encode() + b'","action":"x"}' for position, at in rows]


def note_of(size: int, root: bytes | None = None) -> str:
    leaves = [leaf_hash(one) for one in canonicals(RIGHT)]
    return sign(Checkpoint(origin_of(TENANT), size, root or root_of(leaves, 0, size)), KEY)


def file_of(records: list[bytes], notes: list[str] | None = None, said: int | None = None) -> bytes:
    lines, previous = [], GENESIS
    for one in records:
        previous = link(previous, one)
        lines.append(record_line(previous, one))
    header = Header(str(TENANT), len(records) if said is None else said, previous.hex(), len(notes or []))
    return b"".join([header.line(), *map(checkpoint_line, notes or []), *lines])


def verdict(file: bytes, notes: list[str] | None = None, key: bytes | None = PUBLIC) -> Verdict:
    return verify_export(ExportedChain(io.BytesIO(file)), notes or [], key)


def test_a_whole_chain_is_anchored_as_far_as_its_newest_checkpoint_from_either_side() -> None:
    found = verdict(file_of(canonicals(RIGHT), [note_of(3)]), [note_of(9), note_of(3)])
    assert (found.valid, found.records, found.checkpoints, found.anchored) == (True, 12, 2, 9)
    assert verdict(file_of(canonicals(RIGHT), [note_of(12)])).anchored == 12
    assert verdict(file_of([])).valid


@pytest.mark.parametrize(
    ("records", "notes", "at", "reason"),
    [
        (canonicals([*RIGHT[:4], (6, RIGHT[5][1])]), [], 5, "it was not written as record 5"),
        (canonicals([*RIGHT[:4], (5, RIGHT[1][1])]), [], 5, "its time is before"),
        (canonicals(RIGHT[:4]) + canonicals([RIGHT[4]], UUID(int=8)), [], 5, "it belongs to another tenant"),
        (canonicals(RIGHT[:8]), [note_of(9)], 9, "the chain ends at 8, but 9 records were anchored"),
        (canonicals(RIGHT), [note_of(3), note_of(9, bytes(32))], 4, "the first 9 records are not those"),
        (canonicals(RIGHT), [note_of(0, bytes(32))], 1, "the first 0 records are not those"),
        (canonicals(RIGHT), [note_of(3).replace("\n3\n", "\n4\n")], 1, "a checkpoint cannot be relied on"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(records: list[bytes], notes: list[str], at: int, reason: str) -> None:
    found = verdict(file_of(records, notes))
    assert (found.valid, found.broken_at) == (False, at)
    assert reason in str(found.reason)


def test_the_same_size_anchored_twice_with_two_roots_is_found() -> None:
    assert not verdict(file_of(canonicals(RIGHT)), [note_of(5), note_of(5, bytes(32))]).valid


def test_only_the_newest_checkpoint_and_what_does_not_fit_it_cost_a_look_at_a_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = set()

    def looking(note: str, origin: str, key: bytes) -> Checkpoint:
        looked.add(note)
        return opened(note, origin, key)

    monkeypatch.setattr(verifying, "opened", looking)
    notes = [note_of(size) for size in range(1, 13)]
    assert verdict(file_of(canonicals(RIGHT), notes)).anchored == 12
    assert looked == {notes[-1]}
    unsigned = note_of(9, bytes(32)).replace("\n9\n", "\n8\n")
    found = verdict(file_of(canonicals(RIGHT), [*notes[:7], unsigned, *notes[8:]]))
    assert (found.valid, found.broken_at) == (False, 1)
    assert "the public key did not sign it" in str(found.reason)


def test_a_checkpoint_that_nobody_signed_does_not_say_how_far_a_forged_chain_can_be_relied_on() -> None:
    forged = [*canonicals(RIGHT[:4]), *(one.replace(b'"x"', b'"y"') for one in canonicals(RIGHT[4:]))]
    unsigned = Checkpoint(origin_of(TENANT), 8, root_of([leaf_hash(one) for one in forged], 0, 8)).text
    found = verdict(file_of(forged, [note_of(3), f"{unsigned}\n{note_of(8).split(chr(10) * 2)[1]}", note_of(12)]))
    assert (found.valid, found.anchored, found.broken_at) == (False, 3, 4)


def test_checkpoints_that_are_gone_are_missed_where_the_file_remembers_them() -> None:
    file = file_of(canonicals(RIGHT)).replace(b'"anchored":0', b'"anchored":9')
    found = verdict(file, [note_of(3)])
    assert (found.valid, found.broken_at) == (False, 4)
    assert found.reason == "9 records were anchored, but the checkpoints that are kept cover 3"
    assert verdict(file, [note_of(9)]).valid
    assert verdict(file, key=None).valid, "without a key nobody can tell what is anchored"


def test_a_file_that_was_cut_off_does_not_fit_its_header() -> None:
    found = verdict(file_of(canonicals(RIGHT[:5]), said=6), key=None)
    assert (found.valid, found.broken_at, "its header says 6" in str(found.reason)) == (False, 6, True)


def test_lines_that_are_none_are_refused() -> None:
    right = file_of(canonicals(RIGHT), [note_of(3)])
    lines = right.splitlines(keepends=True)
    edits: list[Callable[[], list[bytes]]] = [
        lambda: [b"{}\n", *lines[1:]],
        lambda: [b"\n"],
        lambda: [lines[0].replace(b"audit-1", b"audit-2"), *lines[1:]],
        lambda: [lines[0], b"{}\n", *lines[2:]],
        lambda: [*lines, b'{"hash":"'],
        lambda: [*lines[:3], lines[3].replace(b'"record"', b'"recird"')],
        lambda: [*lines[:3], lines[3][:9] + b"zz" + lines[3][11:]],
        lambda: [*lines[:3], lines[3][:-1]],
    ]
    for edit in edits:
        with pytest.raises(BadExport):
            verdict(b"".join(edit()))


def test_proofs_hold_alone_and_for_nothing_else() -> None:
    records = canonicals(RIGHT)
    leaves = [leaf_hash(one) for one in records]
    included = prove_inclusion(str(TENANT), leaves, records[4], 5, note_of(12))
    assert fault_in(included, PUBLIC) is None
    for change in ({"position": 6}, {"record": records[5].decode()}, {"path": included["path"][1:]}):
        assert fault_in(included | change, PUBLIC) == "the record does not stand there in the log that was signed"
    continued = prove_consistency(str(TENANT), leaves, 7, note_of(7), note_of(12))
    assert fault_in(continued, PUBLIC) is None
    assert claim_of(included) == f"record 5 is in the log of tenant {TENANT}, of 12 records"
    assert claim_of(continued) == f"the first 7 records of tenant {TENANT} are the beginning of its log of 12"
    forked = continued | {"old_checkpoint": note_of(7, bytes(32))}
    assert fault_in(forked, PUBLIC) == "the older checkpoint is not the beginning of the newer one"
    assert "cannot be relied on" in str(fault_in(continued, bytes(32)))
    for none in ({}, [], {**included, "path": ["?"]}, {**included, "position": "x"}, {**included, "record": None}):
        with pytest.raises(ValueError, match="this is no proof"):
            fault_in(none, PUBLIC)  # type: ignore[arg-type]
