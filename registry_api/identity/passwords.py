"""Argon2id, off the event loop and a few at a time, so that a burst of logins cannot take all memory."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

SHORTEST = 12
LONGEST = 256
AT_ONCE = 2
"""Hashes computed at the same time; each takes 64 MiB."""

HASHER = PasswordHasher()
"""By default RFC 9106's second recommendation: 64 MiB, three passes, four lanes."""

_threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")


async def hash_password(password: str) -> str:
    """The Argon2id hash to store."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: HASHER.hash(password))


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is right.

    Without a stored hash it costs the same and is false, so time does not tell who exists.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored, password)


def _verify(stored: str | None, password: str) -> bool:
    try:
        return HASHER.verify(stored or _decoy(), password) and stored is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _decoy() -> str:
    return HASHER.hash("no account has this password")
