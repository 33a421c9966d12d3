"""The commands against a registry that serves."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from patchbay.cli import stack
from patchbay.cli.fill import world_config
from patchbay.world.config import WorldConfig
from registry_api import bootstrap
from scripts.reference import commands
from tests.cli.conftest import Running
from tests.cli.support import here
from tests.pace import children, under


def patchbay(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "patchbay.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | variables, timeout=60, check=False)


def test_help_answers_at_once() -> None:
    assert patchbay("--help").returncode == 0
    assert under(0.5, lambda: patchbay("--help"), children)


@pytest.mark.parametrize("command", commands())
def test_every_commands_help_teaches_with_an_example(command: str) -> None:
    text = here(*command.split(), "--help", environment=os.environ).stdout
    assert "Example" in text
    assert f"patchbay {command}" in text


LISTS = [command for command in commands() if command.split()[-1] in ("list", "update", "releases", "deliveries")]


@pytest.mark.parametrize("command", LISTS)
def test_the_examples_of_a_command_give_only_what_the_registry_knows(running: Running, command: str) -> None:
    text = here(*command.split(), "--help", environment=os.environ | {"COLUMNS": "200"}).stdout
    examples = re.findall(r"^ +patchbay ([^>|\n]*)", text, re.MULTILINE)
    assert examples, "each command's help has one"
    for example in examples:
        done = running.here(*shlex.split(example))
        assert done.returncode in (0, 1) and "400 " not in done.stderr, done.stderr


def test_wrong_usage_ends_with_2_and_says_what_is_missing() -> None:
    done = patchbay("demo", "--source", "jenkins")
    assert done.returncode == 2
    assert "needs --data" in done.stderr


def test_a_data_folder_without_the_registries_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = patchbay("demo", "--source", "jenkins", "--data", str(tmp_path), PATCHBAY_HOME=str(tmp_path / "home"))
    assert done.returncode == 2
    assert done.stderr == f"patchbay: --data {tmp_path} has no jenkins and no jiro in it\n"
    assert not (tmp_path / "home").exists()


def test_a_setting_that_cannot_be_used_is_named_in_one_line() -> None:
    done = patchbay("status", PATCHBAY_API_PORT="many")
    assert done.returncode == 2
    assert done.stderr.startswith("patchbay: PATCHBAY_API_PORT=many: ")
    assert done.stderr.count("\n") == 1


def test_a_state_without_token_is_told_with_the_way_out(tmp_path: Path) -> None:
    done = patchbay("token", "list", "--home", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "patchbay up" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_registry_that_does_not_answer_is_told_without_a_traceback(tmp_path: Path, free_port: int) -> None:
    done = patchbay("status", PATCHBAY_HOME=str(tmp_path), PATCHBAY_API_PORT=str(free_port), PATCHBAY_API_TOKEN="pb_x")
    assert done.returncode == 1
    assert "down" in done.stdout
    assert "figures are not known" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_login_shown_is_the_one_the_registry_makes() -> None:
    assert stack.ADMIN_EMAIL == bootstrap.ADMIN_EMAIL


def test_simulate_sends_a_world_once_however_often_it_is_called(running: Running) -> None:
    before = running.patchbay("status").stdout
    again = running.patchbay("simulate", "--plugins", "12", "--tenants", "2", "--days", "7", "--end", "2026-10-01")
    assert again.returncode == 0, again.stderr
    assert "replayed batches" in again.stdout
    assert _counts(running.patchbay("status").stdout) == _counts(before)


def test_simulate_refuses_a_world_of_an_impossible_size_in_one_line(running: Running) -> None:
    done = running.patchbay("simulate", "--plugins", "2")
    assert done.returncode == 2
    assert done.stderr == "patchbay: plugins must be at least 10, not 2\n"


def test_a_demo_of_an_impossible_size_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    for size, complaint in {"--days": "days must be at least 7", "--plugins": "plugins must be at least 10"}.items():
        done = patchbay("demo", "--home", str(tmp_path / "home"), size, "5")
        assert done.returncode == 2
        assert complaint in done.stderr
    assert not (tmp_path / "home").exists()


def test_a_world_of_more_than_a_year_of_usage_reaches_back_as_far_with_its_installations() -> None:
    assert world_config({"days": 400}).adoption_days == 400
    assert world_config({}) == WorldConfig()


def test_planted_truths_are_written_beside_the_state_only(running: Running) -> None:
    assert json.loads((running.settings.root / "truth.json").read_text())


def test_status_says_what_serves_and_what_does_not(running: Running) -> None:
    done = running.patchbay("status")
    states = {
        line.split("  ")[1].strip(): line for line in done.stdout.splitlines() if "serving" in line or "down" in line
    }
    assert "serving" in states["registry API"]
    assert "down" in states["dashboards"]
    assert done.returncode == 1


def test_a_feed_is_printed_as_ndjson_in_order_and_says_where_to_go_on(running: Running) -> None:
    done = running.patchbay("feed", "plugins", "--limit", "5", "--format", "ndjson")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
    assert len(rows) == 5
    assert f"go on with --after {rows[-1]['seq']}" in done.stderr
    onward = running.patchbay(
        "feed", "plugins", "--after", str(rows[-1]["seq"]), "--limit", "50000", "--format", "ndjson"
    )
    rest = [json.loads(line)["seq"] for line in onward.stdout.splitlines()]
    assert rest[0] > rows[-1]["seq"]
    told = re.search(r"go on with --after (\d+), where the feed ends for now", onward.stderr)
    assert told is not None and int(told[1]) >= rest[-1], "the end too says where to go on"
    assert running.patchbay("feed", "plugins", "--after", told[1], "--format", "ndjson").stdout == ""


def test_a_feed_as_a_table_fits_the_terminal_and_names_what_it_left_out(running: Running) -> None:
    done = running.patchbay("feed", "releases", "--limit", "2")
    assert "version_scheme" in done.stdout
    assert "Not shown: " in done.stderr


def test_the_feeds_are_listed_without_a_name(running: Running) -> None:
    assert "one observed installation event" in running.patchbay("feed").stdout


def test_an_unknown_feed_is_one_line_from_the_registry(running: Running) -> None:
    done = running.patchbay("feed", "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("patchbay: 404 ")
    assert done.stderr.count("\n") == 1


def test_a_token_is_printed_alone_works_and_ends_when_it_is_revoked(running: Running) -> None:
    made = running.patchbay("token", "create", "reader", "--role", "viewer")
    token = made.stdout.strip()
    assert token.startswith("pb_")
    listed = running.patchbay("token", "list").stdout
    assert "reader" in listed
    assert token not in listed
    token_id = made.stderr.split()[1]
    assert running.patchbay("token", "revoke", token_id).returncode == 0
    refused = patchbay("token", "list", "--url", running.settings.api_url, PATCHBAY_API_TOKEN=token)
    assert refused.returncode == 1
    assert "401" in refused.stderr


def _counts(status: str) -> list[str]:
    """The registry's figures in a status, without what runs."""
    return status.partition("Registry")[2].splitlines()


def test_mistakes_in_rules_are_told_by_file_and_line_and_nothing_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("automation_rules:\n  - name: x\n    triger: {metric: a, threshold: 1}\n    action: {type: mial}\n")
    done = patchbay("rules", "check", str(file))
    assert done.returncode == 2
    assert f"{file}:3: automation_rules.1.triger: unknown key 'triger'; did you mean 'trigger'?" in done.stderr
    assert f"{file}:4: automation_rules.1.action: unknown action 'mial'; did you mean 'mail'?" in done.stderr
    assert "3 mistakes" in done.stderr and "Traceback" not in done.stderr


def test_rules_are_put_listed_and_tried(running: Running) -> None:
    folder = str(Path(__file__).resolve().parents[2] / "rules")
    assert running.patchbay("rules", "put", folder).stdout.count("created") == 6
    assert running.patchbay("rules", "put", folder).stdout.count("unchanged") == 6
    assert "Block a release that fails" in running.patchbay("rules", "list").stdout
    tried = running.patchbay("rules", "try")
    assert tried.returncode == 0, tried.stderr
