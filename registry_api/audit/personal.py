"""Personal values in audit records: sealed under a key of the person, so that shredding the key erases them.

The chain is over the sealed form, and so stays whole. A key per person and tenant is kept in the database, itself sealed
under `secrets/audit-persons.key`.
"""

import base64
import hmac
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select, update
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

UNTOLD = "untold"
"""In `sealed_by` of a row that was made without a key: no record of the tenant's says so yet, as there was nothing to shred."""

NONCE_BYTES, KEY_BYTES, NAME_BYTES = 12, 32, 16
_TABLE = table_of(PersonKey).c
_OF_THEM = (any_of(_TABLE.tenant_id, "tenants"), any_of(_TABLE.subject, "subjects"))
_KEYS = select(_TABLE.tenant_id, _TABLE.subject, _TABLE.sealed, _TABLE.sealed_by).where(*_OF_THEM)
_IN_ORDER = (_TABLE.tenant_id, _TABLE.subject)
_FULL = select(_TABLE.id, *_IN_ORDER).where(*_OF_THEM, _TABLE.sealed != SHREDDED).order_by(*_IN_ORDER).with_for_update()
_EMPTY = update(table_of(PersonKey)).where(any_of(_TABLE.id, "ids")).values(sealed=SHREDDED, sealed_by="")
_TELL = update(table_of(PersonKey)).where(*_OF_THEM, _TABLE.sealed_by == UNTOLD).values(sealed_by="")
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
    """Seals the personal values of one commit; equal values of one person are sealed once, and for nobody where the person's key
    was shredded.
    """

    def __init__(self, keys: Mapping[Owner, bytes]) -> None:
        self.keys = keys
        self._made: dict[tuple[UUID, Personal], dict[str, str]] = {}

    def seal(self, tenant_id: UUID, value: Personal) -> dict[str, str]:
        """The form that stands in the record."""
        made = self._made.get((tenant_id, value))
        if made is None:
            nonce = secrets.token_bytes(NONCE_BYTES)
            cipher = AESGCM(self.keys[tenant_id, value.of] or secrets.token_bytes(KEY_BYTES))
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
    return len(value) == 2 and isinstance(value.get("of"), str) and isinstance(value.get("sealed"), str)


def sealed_in(value: Any) -> Iterator[dict[str, str]]:
    """The sealed values inside of a stored document, each with the person it is `of`; in no order."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            if _is_sealed(inner):
                yield inner
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner


def subjects_in(value: Any) -> Iterator[str]:
    """The persons whose sealed values are inside of a stored document."""
    return (sealed["of"] for sealed in sealed_in(value))


class Opener:
    """Opens sealed values of a tenant's; makes one cipher for each person."""

    def __init__(self, tenant_id: UUID, keys: Mapping[str, bytes]) -> None:
        self.tenant_id, self.keys = tenant_id, keys
        self._made: dict[str, tuple[AESGCM, bytes]] = {}

    def open(self, sealed: dict[str, str]) -> str | None:
        """The value; None where there is no key, or not the one it was sealed with, or the box is none."""
        of = sealed["of"]
        try:
            cipher, bound = self._made.get(of) or self._make(of)
            box = base64.b64decode(sealed["sealed"])
            return cipher.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], bound).decode()
        except (InvalidTag, KeyError, ValueError):
            return None  # under a key that was shredded, of somebody who has a new one since, or no box at all

    def _make(self, of: str) -> tuple[AESGCM, bytes]:
        made = self._made[of] = AESGCM(self.keys[of]), _bound(self.tenant_id, of)
        return made


def unsealed(value: Any, tenant_id: UUID, keys: Mapping[str, bytes]) -> Any:
    """A stored document with its sealed values opened; `ERASED` where the person's key is gone, or the box is none."""
    return _unsealed(value, Opener(tenant_id, keys))


def _unsealed(value: Any, opener: Opener) -> Any:
    if isinstance(value, dict):
        if _is_sealed(value):
            found = opener.open(value)
            return ERASED if found is None else found
        return {_unmarked(name): _unsealed(inner, opener) for name, inner in value.items()}
    return [_unsealed(inner, opener) for inner in value] if isinstance(value, list) else value


def _bound(tenant_id: UUID, of: str) -> bytes:
    return f"{tenant_id}/{of}".encode()


async def keys_for(session: AsyncSession, owners: Iterable[Owner], now: datetime) -> dict[Owner, bytes]:
    """The keys of persons, made for those who have none yet, and `SHREDDED` for those whose key was: a request of theirs may still
    be under way. Raises RuntimeError on a database opened without the key that seals them.
    """
    wanted = sorted(set(owners))
    keys = await find_keys(session, wanted)
    fresh = [owner for owner in wanted if owner not in keys]
    if fresh:
        rows = [_fresh_row(session, owner, now) for owner in fresh]
        await session.execute(_insert(session).on_conflict_do_nothing(), rows)
        keys |= await find_keys(session, fresh)
    return keys


async def shred_keys(
    session: AsyncSession, owners: Iterable[Owner], told: Collection[Owner], now: datetime
) -> list[Owner]:
    """Put nothing in the place of persons' keys, also of those who have none yet, so that none is made for them later; whose
    there was, in their order. Of those `told` a record says so already.
    """
    wanted = sorted(set(owners))
    if not wanted:
        return []
    rows = [_empty_row(owner, owner in told, now) for owner in wanted]
    await session.execute(_insert(session).on_conflict_do_nothing(), rows)
    full = (await session.execute(_FULL, _named(wanted))).all()
    there = {(row.tenant_id, row.subject): row.id for row in full}
    found = [owner for owner in wanted if owner in there]
    if found:
        await session.execute(_EMPTY, {"ids": [there[owner] for owner in found]})
    return found


async def tell_late(session: AsyncSession, owners: Iterable[Owner]) -> Sequence[Owner]:
    """Persons of whose missing key no record of the tenant says so yet; one says so from now on."""
    wanted = list(owners)
    if not wanted:
        return []
    told = await session.execute(_TELL.returning(*_IN_ORDER), _named(wanted))
    return [(row.tenant_id, row.subject) for row in told]


def _named(owners: Collection[Owner]) -> dict[str, list[Any]]:
    """Values for statements about persons; those may come to more than are wanted where these are of several tenants."""
    return {"tenants": list({tenant for tenant, _ in owners}), "subjects": list({subject for _, subject in owners})}


def _insert(session: AsyncSession) -> Any:
    return (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(PersonKey)


async def find_keys(session: AsyncSession, owners: Iterable[Owner], *, whole: bool = True) -> dict[Owner, bytes]:
    """The keys of persons that are there; `SHREDDED` for those whose key was, and unless they must be `whole` for those that
    cannot be opened.
    """
    wanted = list(owners)
    if not wanted:
        return {}
    master = _master(session)
    rows = (await session.execute(_KEYS, _named(wanted))).all()
    unwrapped = _unwrapped if whole else _tried
    return {(row.tenant_id, row.subject): unwrapped(master, row) for row in rows}


def _fresh_row(session: AsyncSession, owner: Owner, now: datetime) -> dict[str, Any]:
    master, nonce, key = _master(session), secrets.token_bytes(NONCE_BYTES), secrets.token_bytes(KEY_BYTES)
    sealed = nonce + AESGCM(master.secret).encrypt(nonce, key, _bound(*owner))
    return _row(owner, now) | {"sealed": sealed, "sealed_by": master.id}


def _empty_row(owner: Owner, is_told: bool, now: datetime) -> dict[str, Any]:
    return _row(owner, now) | {"sealed": SHREDDED, "sealed_by": "" if is_told else UNTOLD}


def _row(owner: Owner, now: datetime) -> dict[str, Any]:
    return {"id": new_id(), "tenant_id": owner[0], "recorded_at": now, "subject": owner[1]}


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
