"""Turns: transactions that must not run beside each other wait for one another by a name."""

import hashlib

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_ALONE = text("SELECT pg_advisory_xact_lock(:key)")


async def take_turn(session: AsyncSession, name: str) -> None:
    """Wait until no other transaction has the turn of that name; this one has it until it ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        await session.execute(_ALONE, {"key": key})
