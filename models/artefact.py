"""Models at rest: `models/<kind>/<version>/` holds the model's bytes and its card, in the storage port.

The card is written last and names the digest of the bytes, so a version exists exactly when its card does: a process
killed half-way leaves bytes that nothing points to, never a model without its papers.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.card import ModelCard, config_hash
from patchbay.core.clock import as_utc
from patchbay.core.storage import Storage

FOLDER = "models"


class ArtefactDamaged(Exception):
    """The stored bytes are not those the card was written for."""


class ArtefactExists(Exception):
    """A version is written once; the same name was saved with other bytes."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """One saved model: its card and its bytes."""

    card: ModelCard
    model: bytes


def version_of(config: Mapping[str, Any], data: str, at: datetime) -> str:
    """A version that sorts by time: a UTC stamp and a short hash of config and data, as `20260102T030405Z-1a2b3c4d`."""
    return f"{as_utc(at):%Y%m%dT%H%M%SZ}-{config_hash({'config': config, 'data': data})[:8]}"


def save(storage: Storage, kind: str, artefact: Artefact) -> None:
    """Write one version; saving the same again changes nothing. Raises `ArtefactExists`, and the store's errors."""
    key = _card_key(kind, artefact.card.version)
    paper = _paper(artefact)
    if storage.exists(key):
        if storage.read_bytes(key) != paper:
            raise ArtefactExists(f"{kind} {artefact.card.version} is there with another card or other bytes")
        return
    storage.put(_model_key(kind, artefact.card.version), artefact.model)
    storage.put(key, paper)


def load(storage: Storage, kind: str, version: str) -> Artefact:
    """One version. Raises `ObjectMissing` when there is none, `ArtefactDamaged` when its bytes changed since."""
    paper = json.loads(storage.read_bytes(_card_key(kind, version)))
    model = storage.read_bytes(_model_key(kind, version))
    if hashlib.sha256(model).hexdigest() != paper["sha256"]:
        raise ArtefactDamaged(f"{kind} {version} does not have the digest its card names")
    return Artefact(ModelCard.from_json(json.dumps(paper["card"]).encode()), model)


def versions(storage: Storage, kind: str) -> list[str]:
    """The complete versions of a kind, oldest first; empty when there is none."""
    keys = storage.list(f"{FOLDER}/{kind}")
    return sorted(key.split("/")[-2] for key in keys if key.endswith("/card.json"))


def _paper(artefact: Artefact) -> bytes:
    document = {"card": json.loads(artefact.card.to_json()), "sha256": hashlib.sha256(artefact.model).hexdigest()}
    return json.dumps(document, indent=1, sort_keys=True).encode()


def _card_key(kind: str, version: str) -> str:
    return f"{FOLDER}/{kind}/{version}/card.json"


def _model_key(kind: str, version: str) -> str:
    return f"{FOLDER}/{kind}/{version}/model.bin"
