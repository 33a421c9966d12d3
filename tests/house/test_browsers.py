"""Which browser the tests drive."""

from pathlib import Path

import pytest

from scripts import browsers


def executable(path: Path, text: bytes = b"\x7fELF") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return str(path)


def test_the_distributions_chromium_is_taken(tmp_path: Path) -> None:
    chromium = executable(tmp_path / "bin" / "chromium")
    assert browsers.find({"PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}, {"chromium": chromium}.get) == chromium


def test_a_browser_named_by_the_variable_goes_before_every_other(tmp_path: Path) -> None:
    chromium = executable(tmp_path / "chromium")
    assert browsers.find({browsers.VARIABLE: "/opt/mine"}, {"chromium": chromium}.get) == "/opt/mine"


def test_ubuntus_command_that_installs_a_snap_is_passed_over_for_playwrights_own_build(tmp_path: Path) -> None:
    launcher = executable(tmp_path / "bin" / "chromium-browser", b'#!/bin/sh\nexec /snap/bin/chromium "$@"\n')
    older = executable(tmp_path / "chromium-999" / "chrome-linux" / "chrome")
    newer = executable(tmp_path / "chromium-1255" / "chrome-linux64" / "chrome")
    assert older != newer
    assert browsers.find({"PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}, {"chromium-browser": launcher}.get) == newer


@pytest.mark.parametrize("place", ["snap/bin/chromium", "usr/bin/snap"])
def test_a_command_that_is_snap_itself_is_not_a_browser(tmp_path: Path, place: str) -> None:
    assert browsers.is_snap(Path(executable(tmp_path / place)))


def test_without_any_browser_there_is_none(tmp_path: Path) -> None:
    assert browsers.find({"PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}, lambda _: None) is None
