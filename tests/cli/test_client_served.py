"""Both sides of the client against a registry that serves."""

import json
from pathlib import Path
from typing import Any

import pytest

from patchbay.cli.context import token_of
from patchbay.client import ApiError
from tests.cli.conftest import Running
from tests.core.client.conftest import Connect, connect

__all__ = ["connect"]


@pytest.fixture
def client(running: Running, connect: Connect) -> Any:
    """The administrator."""
    return connect(running.settings.api_url, token_of(running.settings))


def test_small_pages_make_the_same_list_as_a_large_one(client: Any) -> None:
    small = [plugin["ref"] for plugin in client.plugins(limit=5)]
    assert small == [plugin["ref"] for plugin in client.plugins()] and len(small) >= 12


def test_a_plugin_lives_from_its_making_to_its_end(client: Any) -> None:
    made = client.create_plugin({"namespace": "sides", "name": "both"})
    assert client.publish_release("sides:both", {"version": "1.0.0"})["version"] == "1.0.0"
    changed = client.update_plugin("sides:both", {"title": "Both"}, if_match=made["revision"])
    with pytest.raises(ApiError, match="read it again") as caught:
        client.update_plugin("sides:both", {"title": "Neither"}, if_match=made["revision"])
    assert caught.value.code == "stale_revision"
    assert client.update_plugin("sides:both", {"summary": "Two"})["revision"] == changed["revision"] + 1
    assert client.yank_release("sides:both", "1.0.0")["yanked"] is True
    client.delete_plugin("sides:both")
    with pytest.raises(ApiError, match="404 not_found"):
        client.plugin("sides:both")


def test_a_key_of_ones_own_makes_one_thing(client: Any, request: pytest.FixtureRequest) -> None:
    mine = client.keyed(f"sides-{request.node.name}")
    first, second = mine.create_token("once", role="viewer"), mine.create_token("once", role="viewer")
    assert first == second
    with pytest.raises(ApiError, match="idempotency_key_reused"):
        mine.create_token("another", role="viewer")
    client.revoke_token(first["id"])


def test_a_file_is_taken_from_disk_by_a_registry(client: Any, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    ref = next(iter(client.plugins(limit=1)))["ref"]
    event = {"type": "use", "at": "2026-11-01T00:00:00Z", "plugin": ref}
    file = tmp_path / "events.ndjson"
    ids = [f"{request.node.name}-{number}" for number in range(2000)]
    file.write_text("".join(json.dumps(event | {"id": one}) + "\n" for one in ids))
    told: list[tuple[int, int | None]] = []
    result = client.post_usage(request.node.name, file, progress=lambda done, total: told.append((done, total)))
    assert (result.accepted, result.rejected) == (2000, 0)
    assert told[-1] == (file.stat().st_size, file.stat().st_size)


def test_a_feed_is_followed(client: Any) -> None:
    pages = list(client.follow_feed("plugins", limit=5))
    assert sum(page.table.num_rows for page in pages) >= 12 and len(pages) >= 3
