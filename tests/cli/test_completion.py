"""Completion in a real shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from patchbay.cli.context import child_environment
from tests.cli.conftest import Running
from tests.cli.support import here

COMPLETE = """
env() {{ command env "${{@:1:$#-1}}" {python} -m patchbay.cli; }}
eval "$SCRIPT"
COMP_WORDS=({words}) COMP_CWORD={place}
_patchbay_completion patchbay
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
"""The shell's own part, with this checkout's command in place of the installed one."""


def script(shell: str) -> str:
    """What `--show-completion` shows in a shell."""
    return here(environment=dict(os.environ) | {"_PATCHBAY_COMPLETE": f"source_{shell}"}).stdout


def completed(*words: str, **variables: str) -> list[str]:
    """What bash offers for the last of these words."""
    quoted = " ".join(f"'{word}'" for word in ("patchbay", *words))
    commands = COMPLETE.format(python=sys.executable, words=quoted, place=len(words))
    environment = os.environ | variables | {"SCRIPT": script("bash")}
    shell = ["bash", "--norc", "-c", commands]
    done = subprocess.run(shell, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.stderr == "", done.stderr
    return done.stdout.split()


def at(running: Running) -> dict[str, str]:
    return {name: value for name, value in child_environment(running.settings).items() if name.startswith("PATCHBAY_")}


def test_commands_and_options_are_completed() -> None:
    assert completed("web") == ["webhook"]
    assert set(completed("plugin", "")) >= {"list", "show", "publish", "update", "delete", "releases"}
    assert completed("plugin", "list", "--out") == ["--output"]
    assert completed("plugin", "list", "--output", "") == ["table", "json", "csv"]


def test_what_the_registry_knows_is_completed(running: Running) -> None:
    refs = completed("plugin", "show", "", **at(running))
    assert len(refs) >= 12
    namespace = refs[0].partition(":")[0]
    offered = completed("plugin", "show", f"{namespace}:", **at(running))
    assert offered and all(ref.startswith(f"{namespace}:") for ref in offered)
    assert completed("tenant", "show", "", **at(running))


def test_profiles_are_completed(tmp_path: Path) -> None:
    file = tmp_path / "patchbay" / "config.toml"
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text(
        "".join(f"[profiles.{name}]\nurl = 'https://x.example'\ntoken = 'pb_x'\n" for name in ("prod", "pre", "dev"))
    )
    assert completed("me", "--profile", "pr", XDG_CONFIG_HOME=str(tmp_path)) == ["pre", "prod"]
    assert completed("profile", "use", "", XDG_CONFIG_HOME=str(tmp_path)) == ["dev", "pre", "prod"]
    file.chmod(0o644)
    assert completed("profile", "use", "", XDG_CONFIG_HOME=str(tmp_path)) == []


def test_a_registry_that_is_not_there_is_silent(tmp_path: Path, free_port: int) -> None:
    there = {"PATCHBAY_HOME": str(tmp_path), "PATCHBAY_API_PORT": str(free_port)}
    assert completed("plugin", "show", "", **there, PATCHBAY_API_TOKEN="pb_x") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_its_script(shell: str) -> None:
    assert f"complete_{shell}" in script(shell)
