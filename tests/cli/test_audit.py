"""`patchbay audit` against a registry that serves, and against files where none does."""

import base64
import json
import time
from pathlib import Path

import pytest

from patchbay.cli.context import connect
from patchbay.core.audit.anchors import FolderAnchors
from patchbay.core.audit.bucket import object_name
from patchbay.core.audit.notes import origin_of, verifier_key
from patchbay.core.ids import new_id
from tests.cli.conftest import Running
from tests.cli.test_commands import patchbay
from tests.core.audit.test_notes import PUBLIC
from tests.core.audit.test_verify import RIGHT, TENANT, canonicals, file_of, note_of

THEIR_KEY, OUR_KEY = verifier_key(origin_of(TENANT), PUBLIC), verifier_key(origin_of(new_id()), PUBLIC)
"""One key signs for every tenant; its name says whose log it is for."""


def anchored(running: Running) -> int:
    """Have the operator's chain anchored; how many records are."""
    with connect(running.settings) as client:
        job = client.create_job("audit.checkpoint")
        while job["state"] not in ("succeeded", "dead"):
            time.sleep(0.1)
            job = client.job(job["id"])
        assert job["state"] == "succeeded", job
        return int(client.audit_verdict()["anchored"])


@pytest.fixture(scope="module")
def chain(running: Running, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, int, int]:
    """An exported chain with two checkpoints, the key, and how much each covers."""
    older, newer = anchored(running), anchored(running)
    file = tmp_path_factory.mktemp("audit") / "operator.audit"
    done = running.patchbay("audit", "export", str(file))
    assert done.returncode == 0, done.stderr
    return file, running.patchbay("audit", "key").stdout.strip(), older, newer


def test_an_export_verifies_without_any_registry(chain: tuple[Path, str, int, int], running: Running) -> None:
    file, key, _, newer = chain
    anchors = str(running.settings.root / "anchors")
    done = patchbay("audit", "verify", str(file), "--public-key", key, "--anchors", anchors)
    assert done.returncode == 0, done.stderr
    records = file.read_bytes().count(b'{"hash"')
    assert f"is whole: {records:,} records, 2 checkpoints checked" in done.stdout
    assert f"{records - newer:,} records rest on the chain alone" in done.stderr
    bare = patchbay("audit", "verify", str(file))
    assert (bare.returncode, "0 checkpoints" in bare.stdout, "no key was given" in bare.stderr) == (0, True, True)


def test_an_edited_or_shortened_export_is_told_in_one_line(chain: tuple[Path, str, int, int], tmp_path: Path) -> None:
    file, key, _, _ = chain
    lines = file.read_bytes().splitlines(keepends=True)
    for edited, reason in (
        ([*lines[:5], lines[5].replace(b'"action"', b'"aktion"'), *lines[6:]], "its content is not what was hashed"),
        (lines[:-1], "its header says"),
        (lines[:4], "were anchored"),
        ([*lines[:5], b"{}\n"], "this line is no record"),
        ([*lines[:5], lines[5].replace(b'{"hash":"', b'{"hash":"zz')[:-4] + b"}\n"], "this line is no record"),
        ([*lines[:5], lines[5][:10] + b"z" + lines[5][11:]], "has a hash that is none"),
        ([lines[0], b"{}\n", *lines[2:]], "this line is no checkpoint"),
        ([b"{}\n"], "does not begin as an exported audit chain does"),
        ([lines[0].replace(b"audit-1", b"audit-9")], "this reads patchbay-audit-1"),
    ):
        (tmp_path / "edited").write_bytes(b"".join(edited))
        done = patchbay("audit", "verify", str(tmp_path / "edited"), "--public-key", key)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert reason in done.stderr


def test_a_record_and_an_older_checkpoint_are_proven_with_nothing_but_the_key(
    chain: tuple[Path, str, int, int], tmp_path: Path
) -> None:
    file, key, older, newer = chain
    assert older < newer
    for arguments in (("--record", "3"), ("--record", str(newer)), ("--since", str(older)), ("--since", str(newer))):
        made = patchbay("audit", "prove", str(file), "--public-key", key, *arguments)
        assert made.returncode == 0, made.stderr
        (tmp_path / "proof").write_text(made.stdout)
        done = patchbay("audit", "check", str(tmp_path / "proof"), "--public-key", key)
        assert (done.returncode, "holds" in done.stdout) == (0, True), done.stderr
        forged = json.loads(made.stdout)
        forged |= (
            {"record": forged["record"].replace('"position":', '"position":1')}
            if "record" in forged
            else {"path": ["AAAA"]}
        )
        (tmp_path / "proof").write_text(json.dumps(forged))
        done = patchbay("audit", "check", str(tmp_path / "proof"), "--public-key", key)
        assert (done.returncode, "does NOT hold" in done.stderr) == (1, True)


def test_what_cannot_be_proven_is_told_in_one_line(chain: tuple[Path, str, int, int], tmp_path: Path) -> None:
    file, key, older, _ = chain
    (tmp_path / "none").write_text('{"kind": "inclusion"}')
    other = key.split("+")[0] + key[key.index("+") :].replace(key[-10:], "A" * 10)
    for command, code, reason in (
        (("prove", str(file), "--public-key", key), 2, "either --record or --since"),
        (
            ("prove", str(file), "--public-key", key, "--record", "99999"),
            1,
            "the newest checkpoint that the file reaches",
        ),
        (("prove", str(file), "--public-key", key, "--since", str(older - 1)), 1, "there is no checkpoint of"),
        (("prove", str(file), "--public-key", "AAAA", "--since", "1"), 2, "a public key is the base64"),
        (("prove", str(file), "--public-key", "A" * 43 + "=", "--since", "1"), 1, "did not sign it"),
        (("verify", str(file), "--anchors", str(tmp_path)), 2, "--anchors needs --public-key"),
        (("verify", str(file), "--public-key", other), 2, "a public key is the base64"),
        (("check", str(tmp_path / "none"), "--public-key", key), 1, "this is no proof"),
        (("check", str(file), "--public-key", key), 1, ""),
        (("export", str(file)), 1, "File exists"),
    ):
        done = patchbay("audit", *command, PATCHBAY_HOME=str(tmp_path), PATCHBAY_API_TOKEN="pb_x")
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), (command, done.stderr)
        assert reason in done.stderr


def test_a_proof_under_another_key_does_not_hold(chain: tuple[Path, str, int, int], tmp_path: Path) -> None:
    file, key, _, _ = chain
    (tmp_path / "proof").write_text(patchbay("audit", "prove", str(file), "--public-key", key, "--record", "1").stdout)
    done = patchbay("audit", "check", str(tmp_path / "proof"), "--public-key", "A" * 43 + "=")
    assert (done.returncode, "cannot be relied on" in done.stderr) == (1, True)


def test_a_person_is_told_and_erased_by_the_client(running: Running, tmp_path: Path) -> None:
    with connect(running.settings) as client:
        user = client.create_user(f"{new_id()}@example.com", "Ada", "viewer")
        with (tmp_path / "ada").open("wb") as sink:
            client.user_data(user["id"], sink)
        assert json.loads((tmp_path / "ada").read_text().splitlines()[0])["display_name"] == "Ada"
        client.erase_user(user["id"])
        assert user["id"] not in {one["id"] for one in client.users()}


def test_what_is_another_tenants_does_not_pass_for_ours(tmp_path: Path) -> None:
    theirs, proof = tmp_path / "ours.audit", tmp_path / "proof"
    theirs.write_bytes(file_of(canonicals(RIGHT), [note_of(3), note_of(12)]))
    proven = patchbay("audit", "prove", str(theirs), "--public-key", THEIR_KEY, "--record", "5")
    proof.write_text(proven.stdout)
    for command in (("verify", str(theirs)), ("prove", str(theirs), "--record", "5"), ("check", str(proof))):
        done = patchbay("audit", *command, "--public-key", OUR_KEY)
        assert (done.returncode, done.stdout) == (1, ""), command
        told = f"this is of the tenant {TENANT}, but the key is that of the log {OUR_KEY.split('+')[0]}"
        assert told in done.stderr
        assert patchbay("audit", *command, "--public-key", THEIR_KEY).returncode == 0


def test_what_was_verified_is_told_with_its_tenant_and_its_sizes(tmp_path: Path) -> None:
    file, proof = tmp_path / "file", tmp_path / "proof"
    file.write_bytes(file_of(canonicals(RIGHT), [note_of(3), note_of(11)]))
    key = base64.b64encode(PUBLIC).decode()
    done = patchbay("audit", "verify", str(file), "--public-key", key)
    assert f"is whole: 12 records, 2 checkpoints checked, tenant {TENANT}" in done.stdout
    assert "1 records rest on the chain alone" in done.stderr and "those after 11" in done.stderr
    for arguments, claim in (
        (("--record", "5"), f"the proof holds: record 5 is in the log of tenant {TENANT}, of 11 records"),
        (
            ("--since", "3"),
            f"the proof holds: the first 3 records of tenant {TENANT} are the beginning of its log of 11",
        ),
    ):
        proof.write_text(patchbay("audit", "prove", str(file), "--public-key", key, *arguments).stdout)
        assert claim in patchbay("audit", "check", str(proof), "--public-key", key).stdout


def test_a_log_that_no_checkpoint_came_with_is_not_told_to_be_whole(tmp_path: Path) -> None:
    rewritten, empty = tmp_path / "rewritten", tmp_path / "empty"
    rewritten.write_bytes(file_of(canonicals(RIGHT)))
    empty.write_bytes(file_of([]))
    for file, reason in ((rewritten, "no checkpoint came with them"), (empty, "has no record")):
        done = patchbay("audit", "verify", str(file), "--public-key", THEIR_KEY)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert reason in done.stderr
    assert patchbay("audit", "verify", str(rewritten)).returncode == 0


def test_a_folder_without_the_tenants_checkpoints_is_told(tmp_path: Path) -> None:
    file, wrong = tmp_path / "file", tmp_path / "wrong"
    file.write_bytes(file_of(canonicals(RIGHT), [note_of(12)]))
    FolderAnchors(wrong).append(new_id(), 12, note_of(12))
    for command in (("verify",), ("prove", "--record", "5")):
        done = patchbay("audit", *command, str(file), "--public-key", THEIR_KEY, "--anchors", str(wrong))
        assert (done.returncode, done.stdout) == (1, "")
        assert f"{wrong} has no checkpoint of the tenant {TENANT}" in done.stderr


def test_a_copy_of_a_bucket_of_checkpoints_is_read(tmp_path: Path) -> None:
    file, copy = tmp_path / "file", tmp_path / "copy" / str(TENANT)
    file.write_bytes(file_of(canonicals(RIGHT[:8])))
    copy.mkdir(parents=True)
    (copy / ".DS_Store").write_text("")
    (copy / object_name(5, note_of(5))).write_text(note_of(5))
    arguments = ("audit", "verify", str(file), "--public-key", THEIR_KEY, "--anchors", str(copy.parent))
    done = patchbay(*arguments)
    assert (done.returncode, "8 records, 1 checkpoints checked" in done.stdout) == (0, True), done.stderr
    (copy / object_name(9, note_of(9))).write_text(note_of(9))
    assert "the chain ends at 8, but 9 records were anchored" in patchbay(*arguments).stderr
