"""Identifiers: time-ordered UUIDs (version 7, RFC 9562 §5.7) and stable name-based ones."""

import os
import time
import uuid

NAMESPACE = uuid.UUID("6f1d2b52-5c1e-5d0a-9a52-0a6b3a7d9c11")


def new_id() -> uuid.UUID:
    """A fresh UUIDv7: 48 bits of Unix milliseconds, then 74 random bits, so indexes grow at one end."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    return uuid.UUID(int=value | 0b10 << 62 | random & (1 << 62) - 1)


def stable_id(*parts: str) -> uuid.UUID:
    """The same UUID (version 5) for the same parts, for records that name themselves by their content."""
    return uuid.uuid5(NAMESPACE, "\x1f".join(parts))
