"""Models at rest: which version is served, and the card that goes with it."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from models.artefact import FOLDER, Artefact, load, save, versions
from models.card import ModelCard
from patchbay.core.storage import ObjectMissing, Storage


@dataclass(frozen=True, slots=True)
class Champion:
    """The version of a kind of model that is served, and what it is called among the candidates."""

    version: str
    name: str


def champion(storage: Storage, kind: str) -> Champion | None:
    """Who is served; None before the first training."""
    try:
        return Champion(**json.loads(storage.read_bytes(_key(kind))))
    except ObjectMissing:
        return None


def keep(storage: Storage, kind: str, card: ModelCard, model: bytes, name: str) -> Champion:
    """Save a version and, once it is whole, have it served.

    A version names config and data, so one that is there already is the same model. It keeps the card of when it won: a
    champion that only defended itself has nothing to say of how it came to be one.
    """
    if card.version not in versions(storage, kind):
        save(storage, kind, Artefact(card, model))
    chosen = Champion(card.version, name)
    storage.put(_key(kind), json.dumps({"version": chosen.version, "name": chosen.name}).encode())
    return chosen


def served(storage: Storage, kind: str) -> Artefact:
    """The version that is served. Raises `LookupError` before the first training."""
    found = champion(storage, kind)
    if found is None:
        raise LookupError(f"no {kind} has been trained yet; run learn_models")
    return load(storage, kind, found.version)


def facts(card: ModelCard) -> dict[str, Any]:
    """A card as plain JSON, as a set of insights carries it."""
    document: dict[str, Any] = json.loads(card.to_json())
    return document


def moment(day: date) -> datetime:
    """The start of a UTC day."""
    return datetime.combine(day, time(), UTC)


def _key(kind: str) -> str:
    return f"{FOLDER}/{kind}/champion.json"
