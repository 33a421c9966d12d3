"""A fitted recommender as bytes and back: arrays and a JSON config, no pickled code."""

import io
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from models.recommend import blend, ease, popularity, segmented, warp  # noqa: F401 each makes its kind known
from models.recommend.recommender import Config, Recommender, build, kind_of, kinds, parts_of

_CONFIG = "config.json"


class UnknownModel(ValueError):
    """A document names a kind of model that there is not."""


def to_document(config: Config) -> dict[str, Any]:
    """A config as JSON values, with its model's kind."""
    parts = {name: to_document(part) for name, part in parts_of(config).items()}
    return {"kind": kind_of(config), **asdict(config), **parts}


def from_document(document: dict[str, Any]) -> Config:
    """The config of a document; raises `UnknownModel`, or `TypeError` for an unknown field."""
    known = kinds()
    kind = document.get("kind")
    if kind not in known:
        raise UnknownModel(f"kind must be one of {', '.join(sorted(known))}, not {kind!r}")
    fields = {name: value for name, value in document.items() if name != "kind"}
    parts = {name: from_document(value) for name, value in fields.items() if isinstance(value, dict)}
    return known[kind](**fields | parts)


def dump(model: Recommender) -> bytes:
    """A fitted model's bytes, equal for equal models; raises `NotFitted`."""
    config = np.frombuffer(json.dumps(to_document(model.config), sort_keys=True).encode(), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **{_CONFIG: config, **model.state})
    return file.getvalue()


def restore(data: bytes) -> Recommender:
    """The model that `dump` wrote; raises what NumPy raises for other bytes, and never runs code from them."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return build(from_document(json.loads(arrays.pop(_CONFIG).tobytes())), arrays)
