"""The demo's last minutes, sent at once."""

import os
from pathlib import Path

import pytest

from patchbay.cli import live
from patchbay.cli.context import connect
from patchbay.cli.supervisor import Supervisor
from patchbay.core.clock import utcnow
from patchbay.world import sending
from patchbay.world.config import WorldConfig
from tests.cli.conftest import Running


def test_minutes_in_which_something_was_used_already_are_not_sent_again(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sending, "replay", lambda *_, **__: pytest.fail("they were sent again"))
    with connect(running.settings) as client:
        client.post_catalogue([{"namespace": "live", "name": "used", "visibility": "public", "releases": []}])
        row = {"id": "live-1", "type": "use", "at": utcnow().isoformat(), "plugin": "live:used"}
        assert client.post_usage("live-used", [row]).accepted == 1
    live.replay(running.settings, Supervisor(tmp_path, dict(os.environ), str), WorldConfig(plugins=10, tenants=2))
    assert "used in the last 9 minutes already" in capfd.readouterr().err
