"""Stable digests of plain values: fingerprints, revisions, plan hashes."""

import hashlib
import json
from typing import Any


def digest(value: Any, length: int = 64) -> str:
    """The first hexadecimal digits of the SHA-256 over canonical JSON: sorted keys, no spaces, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]
