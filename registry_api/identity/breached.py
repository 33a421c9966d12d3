"""Passwords that attackers try first: a port, with a list in files and none at all behind it.

Files are as https://haveibeenpwned.com/API/v3#PwnedPasswords gives a range: named by the first five hexadecimal digits
of the SHA-1, with a line `SUFFIX:COUNT` per password. A service that is asked over the network would be a third one.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from patchbay.core.settings import Settings
from registry_api.identity.errors import PasswordBreached
from registry_api.identity.passwords import hash_password

PREFIX = 5


class BreachedPasswords(Protocol):
    """Knows passwords that were breached."""

    async def holds(self, password: str) -> bool:
        """Whether it is one of them."""
        ...


class NoBreachedPasswords:
    """Knows none."""

    async def holds(self, password: str) -> bool:
        """Never."""
        return False


@dataclass(frozen=True, slots=True)
class BreachedPasswordFiles:
    """Knows those of a folder; a prefix without a file has none. Raises FileNotFoundError when the folder is gone."""

    folder: Path

    async def holds(self, password: str) -> bool:
        """Whether its SHA-1 is listed, with a count above zero: ranges are padded with zeros."""
        return await asyncio.to_thread(
            self._holds, hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        )

    def _holds(self, digest: str) -> bool:
        if not self.folder.is_dir():
            raise FileNotFoundError(f"{self.folder}, the list of breached passwords, is not there")
        file = self.folder / f"{digest[:PREFIX]}.txt"
        lines = file.read_text().upper().splitlines() if file.exists() else []
        listed = dict(line.strip().partition(":")[::2] for line in lines)
        return int(listed.get(digest[PREFIX:], "0")) > 0


def breached_passwords(settings: Settings) -> BreachedPasswords:
    """The list that the settings name."""
    folder = settings.breached_passwords
    return NoBreachedPasswords() if folder is None else BreachedPasswordFiles(folder)


async def new_password_hash(settings: Settings, password: str) -> str:
    """The hash to store of a password that somebody chose; raises `PasswordBreached` for one that is on the list."""
    if await breached_passwords(settings).holds(password):
        raise PasswordBreached("This password was part of a breach and is among the first to be tried; choose another.")
    return await hash_password(password)
