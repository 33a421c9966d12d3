"""Models at rest: a version is there whole or not at all, is written once, and is what its card says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from models.artefact import Artefact, ArtefactDamaged, ArtefactExists, load, save, version_of, versions
from patchbay.core.storage import InMemoryStorage, LocalStorage, ObjectMissing
from tests.models.test_card import CARD, MOMENT

ARTEFACT = Artefact(CARD, b"\x00weights")
MODEL_KEY = f"models/recommend/{CARD.version}/model.bin"


class Full(InMemoryStorage):
    """A store that fails at its second write, as a disk that fills up."""

    writes = 0

    def put(self, key: str, data: bytes) -> None:
        self.writes += 1
        if self.writes > 1:
            raise OSError("no space left")
        super().put(key, data)


def test_what_is_saved_is_loaded_from_a_folder(tmp_path: Path) -> None:
    save(LocalStorage(tmp_path), "recommend", ARTEFACT)
    assert load(LocalStorage(tmp_path), "recommend", CARD.version) == ARTEFACT
    assert (tmp_path / MODEL_KEY).read_bytes() == ARTEFACT.model


def test_a_save_that_stops_half_way_leaves_no_version() -> None:
    store = Full()
    with pytest.raises(OSError, match="space"):
        save(store, "recommend", ARTEFACT)
    assert versions(store, "recommend") == []
    with pytest.raises(ObjectMissing):
        load(store, "recommend", CARD.version)


def test_a_stopped_save_can_be_done_again() -> None:
    store = InMemoryStorage()
    store.put(MODEL_KEY, b"half")
    save(store, "recommend", ARTEFACT)
    assert load(store, "recommend", CARD.version) == ARTEFACT


def test_saving_the_same_again_changes_nothing_and_other_bytes_are_refused() -> None:
    store = InMemoryStorage()
    save(store, "recommend", ARTEFACT)
    save(store, "recommend", ARTEFACT)
    for other in (replace(ARTEFACT, model=b"other"), replace(ARTEFACT, card=replace(CARD, limits="none"))):
        with pytest.raises(ArtefactExists, match=CARD.version):
            save(store, "recommend", other)
    assert load(store, "recommend", CARD.version) == ARTEFACT


def test_bytes_that_changed_since_are_not_loaded() -> None:
    store = InMemoryStorage()
    save(store, "recommend", ARTEFACT)
    store.put(MODEL_KEY, b"other weights")
    with pytest.raises(ArtefactDamaged, match=CARD.version):
        load(store, "recommend", CARD.version)


def test_versions_are_listed_oldest_first_and_by_kind() -> None:
    store = InMemoryStorage()
    made = [version_of({}, "data", MOMENT + timedelta(days=days)) for days in (30, 0, 400)]
    for version in made:
        save(store, "recommend", replace(ARTEFACT, card=replace(CARD, version=version)))
    save(store, "risk", ARTEFACT)
    assert versions(store, "recommend") == [made[1], made[0], made[2]]
    assert versions(store, "forecast") == []


def test_a_version_tells_the_moment_in_utc_and_changes_with_config_and_data() -> None:
    version = version_of({"l2": 1.0}, "data", MOMENT)
    assert version.startswith("20260102T030405Z-")
    assert version == version_of({"l2": 1.0}, "data", MOMENT.astimezone(timezone(timedelta(hours=5))))
    assert version != version_of({"l2": 2.0}, "data", MOMENT)
    assert version != version_of({"l2": 1.0}, "other", MOMENT)
    assert version != version_of({"l2": 1.0}, "data", datetime(2026, 1, 3, tzinfo=UTC))
