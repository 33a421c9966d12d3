"""What an answer rests on."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from registry_api.db.scope import Principal


class Revision(NamedTuple):
    """The heads of the tenant's own audit chain and of the operator's; None for one that has no record."""

    own: bytes | None
    operator: bytes | None


@dataclass(frozen=True, slots=True)
class Admission:
    """A caller as a secret named them: true while the revision stands, and until `until` at the longest.

    Without a revision the caller sees more than it tells of, and nothing of theirs is kept.
    """

    principal: Principal
    revision: Revision | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Basis:
    """Who was admitted, for which scopes, and when the answer changes though nobody changes anything."""

    admission: Admission
    scopes: frozenset[str]
    valid_until: datetime | None = None
