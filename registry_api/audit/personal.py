"""Personal values in audit records: sealed under a key of the person, so that shredding the key erases them.

The chain is over the sealed form, and so stays whole. A key per person and tenant is kept in the database, itself sealed
under `secrets/audit-persons.key`.
"""

import base64
import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from patchbay.core.ids import new_id
from registry_api.audit.models import PersonKey
from registry_api.db.lists import any_of
from registry_api.db.statements import table_of
from registry_api.secrets import Key

ERASED = "(erased)"
"""What stands where a value was whose key is gone."""

KEYS_SHREDDED = "subject.keys_shredded"
"""The record that tells whose keys were shredded, in the chain of the tenant they are of."""

SHREDDED = b""
"""What stands where a key was."""

NONCE_BYTES, KEY_BYTES, NAME_BYTES = 12, 32, 16
_TABLE = table_of(PersonKey).c
_KEYS = select(_TABLE.tenant_id, _TABLE.subject, _TABLE.sealed, _TABLE.sealed_by).where(
    any_of(_TABLE.tenant_id, "tenants"), any_of(_TABLE.subject, "subjects")
)
Owner = tuple[UUID, str]
"""The tenant of the record, and the person as the audit log names them: `user:…`, `token:…` or `person:…`."""


class Personal:
    """A value that tells something of a person; put it into an audit record in place of the bare value."""

    # No dataclass: those the JSON encoder would write out by itself, unsealed.
    __slots__ = ("of", "value")

    def __init__(self, of: str, value: str) -> None:
        self.of, self.value = of, value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Personal) and (self.of, self.value) == (other.of, other.value)

    def __hash__(self) -> int:
        return hash((self.of, self.value))


def of_name(session: AsyncSession, tenant_id: UUID, name: str) -> str:
    """How a tenant's records call somebody of whom the registry knows no more than a name: a handle, a login, an address.

    A keyed digest (HMAC-SHA256): found again by whoever has the name, told to nobody by the record, and another in each tenant.
    Raises RuntimeError on a database opened without the key that seals persons' keys.
    """
    digest = hmac.digest(_master(session).secret, b"name" + tenant_id.bytes + name.encode(), "sha256")
    return f"person:{digest[:NAME_BYTES].hex()}"


def personal_in(value: Any) -> Iterator[Personal]:
    """Every personal value inside of a document."""
    if isinstance(value, Personal):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from personal_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from personal_in(inner)


def without_personal(value: Any) -> Any:
    """A copy of a document without personal values: for those whom a change is told, but not of whom."""
    if isinstance(value, Mapping):
        return {key: without_personal(inner) for key, inner in value.items() if not isinstance(inner, Personal)}
    if isinstance(value, list | tuple):
        return [without_personal(inner) for inner in value if not isinstance(inner, Personal)]
    return value


class Sealer:
    """Seals the personal values of one commit; equal values of one person are sealed once."""

    def __init__(self, keys: Mapping[Owner, bytes]) -> None:
        self.keys = keys
        self._made: dict[tuple[UUID, Personal], dict[str, str]] = {}

    def seal(self, tenant_id: UUID, value: Personal) -> dict[str, str]:
        """The form that stands in the record."""
        made = self._made.get((tenant_id, value))
        if made is None:
            nonce = secrets.token_bytes(NONCE_BYTES)
            cipher = AESGCM(self.keys[tenant_id, value.of])
            box = nonce + cipher.encrypt(nonce, value.value.encode(), _bound(tenant_id, value.of))
            made = self._made[tenant_id, value] = {"of": value.of, "sealed": base64.b64encode(box).decode()}
        return made


def escaped(value: Any) -> Any:
    """A copy of a document to record in which nothing but a personal value will read as a sealed one: who sends
    something of that form is recorded with what they sent.
    """
    if isinstance(value, Mapping):
        return {_marked(name): escaped(inner) for name, inner in value.items()}
    return [escaped(inner) for inner in value] if isinstance(value, list | tuple) else value


def _marked(name: str) -> str:
    return f"{name}'" if name.rstrip("'") == "sealed" else name


def _unmarked(name: str) -> str:
    return name[:-1] if name.endswith("'") and name.rstrip("'") == "sealed" else name


def _is_sealed(value: dict[str, Any]) -> bool:
    return value.keys() == {"of", "sealed"} and all(isinstance(one, str) for one in value.values())


def sealed_in(value: Any) -> Iterator[dict[str, str]]:
    """The sealed values inside of a stored document, each with the person it is `of`."""
    if isinstance(value, dict):
        if _is_sealed(value):
            yield value
        for inner in value.values():
            yield from sealed_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from sealed_in(inner)


def subjects_in(value: Any) -> Iterator[str]:
    """The persons whose sealed values are inside of a stored document."""
    return (sealed["of"] for sealed in sealed_in(value))


def unsealed(value: Any, tenant_id: UUID, keys: Mapping[str, bytes]) -> Any:
    """A stored document with its sealed values opened; `ERASED` where the person's key is gone, or the box is none."""
    if isinstance(value, dict):
        if _is_sealed(value):
            found = opened(value, tenant_id, keys.get(value["of"]))
            return ERASED if found is None else found
        return {_unmarked(name): unsealed(inner, tenant_id, keys) for name, inner in value.items()}
    return [unsealed(inner, tenant_id, keys) for inner in value] if isinstance(value, list) else value


def opened(sealed: dict[str, str], tenant_id: UUID, key: bytes | None) -> str | None:
    """A sealed value; None where there is no key, or not the one it was sealed with, or the box is none."""
    if key is None:
        return None
    try:
        box = base64.b64decode(sealed["sealed"])
        return AESGCM(key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], _bound(tenant_id, sealed["of"])).decode()
    except (InvalidTag, ValueError):
        return None  # under a key that was shredded, of somebody who has a new one since, or no box at all


def _bound(tenant_id: UUID, of: str) -> bytes:
    return f"{tenant_id}/{of}".encode()


async def keys_for(session: AsyncSession, owners: Iterable[Owner], now: datetime) -> dict[Owner, bytes]:
    """The keys of persons, made for those who have none yet, and kept by nobody for those whose key was shredded: a request of
    theirs may still be under way. Raises RuntimeError on a database opened without the key that seals them.
    """
    wanted = sorted(set(owners))
    keys = await find_keys(session, wanted)
    fresh = [owner for owner in wanted if owner not in keys]
    if fresh:
        rows = [_fresh_row(session, owner, now) for owner in fresh]
        await session.execute(_insert(session).on_conflict_do_nothing(), rows)
        keys |= await find_keys(session, fresh)
    return {owner: secrets.token_bytes(KEY_BYTES) if key == SHREDDED else key for owner, key in keys.items()}


async def shred_keys(session: AsyncSession, owners: Iterable[Owner], now: datetime) -> None:
    """Put nothing in the place of persons' keys, also of those who have none yet, so that none is made for them later."""
    shredded = {"recorded_at": now, "sealed": SHREDDED, "sealed_by": ""}
    rows = [{"id": new_id(), "tenant_id": tenant, "subject": of, **shredded} for tenant, of in sorted(set(owners))]
    if not rows:
        return
    emptied = {"sealed": SHREDDED, "sealed_by": ""}
    insert = _insert(session).on_conflict_do_update(index_elements=["tenant_id", "subject"], set_=emptied)
    await session.execute(insert, rows)


def _insert(session: AsyncSession) -> Any:
    return (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(PersonKey)


async def find_keys(session: AsyncSession, owners: Iterable[Owner], *, whole: bool = True) -> dict[Owner, bytes]:
    """The keys of persons that are there; `SHREDDED` for those whose key was, and unless they must be `whole` for those that
    cannot be opened.
    """
    wanted = list(owners)
    if not wanted:
        return {}
    tenants, subjects = {tenant for tenant, _ in wanted}, {subject for _, subject in wanted}
    master = _master(session)
    rows = (await session.execute(_KEYS, {"tenants": list(tenants), "subjects": list(subjects)})).all()
    unwrapped = _unwrapped if whole else _tried
    return {(row.tenant_id, row.subject): unwrapped(master, row) for row in rows}


def _fresh_row(session: AsyncSession, owner: Owner, now: datetime) -> dict[str, Any]:
    master, nonce, key = _master(session), secrets.token_bytes(NONCE_BYTES), secrets.token_bytes(KEY_BYTES)
    sealed = nonce + AESGCM(master.secret).encrypt(nonce, key, _bound(*owner))
    row = {"id": new_id(), "tenant_id": owner[0], "recorded_at": now, "subject": owner[1]}
    return row | {"sealed": sealed, "sealed_by": master.id}


def _unwrapped(master: Key, row: Any) -> bytes:
    if row.sealed == SHREDDED:
        return SHREDDED
    if row.sealed_by != master.id:
        raise RuntimeError(f"the audit log's personal fields were sealed with the key {row.sealed_by}; put it back")
    bound = _bound(row.tenant_id, row.subject)
    return AESGCM(master.secret).decrypt(row.sealed[:NONCE_BYTES], row.sealed[NONCE_BYTES:], bound)


def _tried(master: Key, row: Any) -> bytes:
    try:
        return _unwrapped(master, row)
    except (InvalidTag, RuntimeError, ValueError):
        return SHREDDED


def _master(session: AsyncSession) -> Key:
    found: Key | None = session.info.get("persons_key")
    if found is None:
        raise RuntimeError("personal values cannot be recorded on a database that was opened without their key")
    return found
