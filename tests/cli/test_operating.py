"""What operators do from the command line, against a registry that serves."""

import csv
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Running
from tests.core.client.server import Registry, ok

PLUGIN = {"namespace": "ops", "name": "deploy", "title": "De[red]ploy[/]", "labels": ["ci"]}


def told(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def plugin(running: Running, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A plugin of our own, made by the command line."""
    file = tmp_path_factory.mktemp("plugin") / "deploy.json"
    file.write_text(json.dumps(PLUGIN))
    return str(told(running.here("plugin", "publish", str(file), "-o", "json"))["ref"])


def test_a_plugin_is_published_changed_released_and_deleted(running: Running, plugin: str) -> None:
    shown = told(running.here("plugin", "show", plugin, "-o", "json"))
    assert (shown["labels"], shown["revision"]) == (["ci"], 1)
    changed = told(running.here("plugin", "update", plugin, "--summary", "Deploys", "--revision", "1", "-o", "json"))
    assert changed["summary"] == "Deploys"
    stale = running.here("plugin", "update", plugin, "--summary", "x", "--revision", "1")
    assert stale.returncode == 1 and "read it again" in stale.stderr and stale.stderr.count("\n") == 1
    assert running.here("release", "publish", plugin, "1.0.0").returncode == 0
    assert told(running.here("release", "yank", plugin, "1.0.0", "-o", "json"))["yanked"] is True
    assert told(running.here("release", "yank", plugin, "1.0.0", "--undo", "-o", "json"))["yanked"] is False
    (release,) = told(running.here("plugin", "releases", plugin, "-o", "json"))
    assert release["version"] == "1.0.0"
    unasked = running.here("plugin", "delete", plugin)
    assert unasked.returncode == 2 and "--yes" in unasked.stderr
    assert running.here("plugin", "delete", plugin, "--yes").returncode == 0
    assert running.here("plugin", "show", plugin).returncode == 1


def test_a_table_obeys_nothing_that_a_title_says(running: Running) -> None:
    made = running.here("webhook", "create", "https://hooks.example.org/x", "--description", PLUGIN["title"])
    assert PLUGIN["title"] in made.stdout
    registry = Registry()
    registry.will_answer(ok({"items": [{"ref": "a:b", "title": "\x1b[31mred\x07[/]"}], "next": None}))
    shown = running.here("plugin", "list", "--url", registry.url)
    registry.server.shutdown()
    registry.server.server_close()
    assert "�[31mred�[/]" in shown.stdout and "\x1b" not in shown.stdout


def test_json_is_what_the_api_says_and_csv_has_a_header(running: Running) -> None:
    plugins = told(running.here("plugin", "list", "-o", "json"))
    assert len(plugins) >= 12 and {"id", "ref", "labels", "latest_version"} <= set(plugins[0])
    rows = list(csv.DictReader(io.StringIO(running.here("plugin", "list", "-o", "csv").stdout)))
    assert [row["ref"] for row in rows] == [plugin["ref"] for plugin in plugins]
    assert [json.loads(row["labels"]) for row in rows] == [plugin["labels"] for plugin in plugins]
    nulls = [name for name, value in plugins[0].items() if value is None]
    assert all(rows[0][name] == "" for name in nulls)


def test_a_list_can_be_short_filtered_and_empty(running: Running) -> None:
    assert len(told(running.here("plugin", "list", "--limit", "3", "-o", "json"))) == 3
    assert told(running.here("plugin", "list", "--namespace", "none", "-o", "json")) == []
    empty = running.here("plugin", "list", "--namespace", "none", "-o", "csv").stdout
    assert empty.startswith("ref,title,") and empty.count("\n") == 1
    table = running.here("plugin", "list", "--limit", "2")
    assert "latest_version" in table.stdout and table.stderr == ""


def test_one_document_is_an_object_a_row_and_pairs(running: Running) -> None:
    me = told(running.here("me", "-o", "json"))
    assert me["role"] == "platform_admin"
    assert running.here("me", "-o", "csv").stdout.count("\n") == 2
    assert "platform_admin" in running.here("me").stdout


def test_usage_is_sent_from_a_file_once(running: Running, tmp_path: Path) -> None:
    ref = told(running.here("plugin", "list", "--limit", "1", "-o", "json"))[0]["ref"]
    file = tmp_path / "events.ndjson"
    file.write_text(
        "".join(
            json.dumps({"id": f"cli-{n}", "type": "use", "at": "2026-11-01T00:00:00Z", "plugin": ref}) + "\n"
            for n in range(50)
        )
    )
    first = told(running.here("usage", "send", str(file), "-o", "json"))
    again = told(running.here("usage", "send", str(file), "-o", "json"))
    assert (first["accepted"], first["replayed"], again["replayed"]) == (50, False, True)
    file.write_text('{"id": "cli-x", "type": "use", "at": "never"}\n')
    refused = running.here("usage", "send", str(file))
    assert refused.returncode == 1 and "row 0: at:" in refused.stderr


def test_a_tenant_is_made_suspended_exported_and_deleted(running: Running, tmp_path: Path) -> None:
    made = told(running.here("tenant", "create", "cli-co", "--name", "CLI Co", "-o", "json"))
    assert made["token"].startswith("pb_")
    assert told(running.here("tenant", "suspend", "cli-co", "-o", "json"))["status"] == "suspended"
    assert told(running.here("tenant", "resume", "cli-co", "-o", "json"))["status"] == "active"
    assert {"quota", "used"} <= set(told(running.here("tenant", "usage", "cli-co", "-o", "json"))[0])
    added = told(running.here("user", "add", "ada@example.org", "--name", "Ada", "--tenant", "cli-co", "-o", "json"))
    assert added["role"] == "viewer"
    archive = tmp_path / "cli-co.tar.zst"
    assert running.here("tenant", "export", "nobody", str(archive)).returncode == 1 and not archive.exists()
    exported = running.here("tenant", "export", "cli-co", str(archive))
    assert exported.returncode == 0 and archive.read_bytes()[:4] == b"\x28\xb5\x2f\xfd", exported.stderr
    assert told(running.here("tenant", "delete", "cli-co", "--yes", "-o", "json"))["delete_after"]


def test_a_token_is_rotated_and_its_new_secret_printed_alone(running: Running) -> None:
    made = running.here("token", "create", "rotating")
    rotated = running.here("token", "rotate", made.stderr.split()[1])
    assert rotated.stdout.startswith("pb_") and rotated.stdout != made.stdout and rotated.stdout.count("\n") == 1


def test_jobs_are_listed_and_waited_for(running: Running) -> None:
    assert running.here("webhook", "list").returncode == 0
    (job, *_) = told(running.here("job", "list", "--state", "succeeded", "--limit", "1", "-o", "json"))
    assert told(running.here("job", "wait", job["id"], "-o", "json"))["state"] == "succeeded"
    assert running.here("job", "retry", job["id"]).returncode == 1


@pytest.mark.parametrize(
    ("answers", "code", "line"),
    [
        (["queued", "running", "succeeded"], 0, ""),
        (["running", "dead"], 1, "job j is dead: broke"),
        (["running"], 1, "still running after"),
    ],
    ids=["succeeds", "dies", "takes too long"],
)
def test_waiting_ends_as_the_job_does(running: Running, answers: list[str], code: int, line: str) -> None:
    registry = Registry()
    told = {"id": "j", "kind": "k", "progress": {"done": 1, "of": 3, "what": "rows"}, "last_error": "broke"}
    registry.will_answer(*(ok(told | {"state": state}) for state in answers))
    done = running.here("job", "wait", "j", "--url", registry.url, "--timeout", "2")
    registry.server.shutdown()
    registry.server.server_close()
    assert done.returncode == code and line in done.stderr, done.stderr


@pytest.mark.parametrize(
    "command", ["target list", "advisory list", "webhook list", "user list", "tenant list", "token list"]
)
def test_every_list_is_read(running: Running, command: str) -> None:
    items = told(running.here(*command.split(), "-o", "json"))
    assert items or command in ("user list", "advisory list")
    assert running.here(*command.split()).returncode == 0
