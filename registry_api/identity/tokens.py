"""The form of bearer secrets: `pb_`, a kind, 43 random base-62 characters (256 bits), a 6-character checksum.

The prefix and checksum let secret scanners find a leaked token and tell it from noise without asking us; a mistyped
token is refused without a query. Only SHA-256 of the secret is stored: with 256 random bits, a slow hash would add cost
and no safety.
"""

import hashlib
import secrets
import string
import zlib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["t", "s"]
"""t: API token, s: login session."""

ALPHABET = string.digits + string.ascii_letters
RANDOM_LENGTH = 43
CHECKSUM_LENGTH = 6
PREFIX_LENGTH = 10
"""How much of a token may be shown again, to tell tokens apart."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A freshly made or presented secret."""

    value: str

    @property
    def kind(self) -> str:
        """t or s."""
        return self.value[3]

    @property
    def prefix(self) -> str:
        """The part that may be shown."""
        return self.value[:PREFIX_LENGTH]

    @property
    def hash(self) -> bytes:
        """What is stored."""
        return hashlib.sha256(self.value.encode()).digest()


def new_secret(kind: Kind) -> Secret:
    """A fresh secret of 256 bits."""
    body = f"pb_{kind}" + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return Secret(body + _checksum(body))


def parse_secret(value: str) -> Secret | None:
    """The secret when its form and checksum are right, else None."""
    well_formed = (
        len(value) == 4 + RANDOM_LENGTH + CHECKSUM_LENGTH and value.isascii() and value[:4] in ("pb_t", "pb_s")
    )
    if not well_formed or not secrets.compare_digest(_checksum(value[:-CHECKSUM_LENGTH]), value[-CHECKSUM_LENGTH:]):
        return None
    return Secret(value)


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits += ALPHABET[digit]
    return digits
