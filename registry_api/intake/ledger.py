"""The ledger of batches: one effect for each (tenant, stream, key), and the same answer every time it is asked."""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header

from patchbay.core.ids import new_id
from registry_api.conditions import REQUIRED
from registry_api.db import Reader, UnitOfWork
from registry_api.idempotency import keys
from registry_api.idempotency.keys import LONGEST_KEY, PRINTABLE
from registry_api.intake.errors import key_missing
from registry_api.intake.models import IntakeBatch
from registry_api.intake.repository import Intake
from registry_api.intake.schemas import BatchResult
from registry_api.problems import FieldError, IdempotencyKeyReused

KEY_TEXT = "Names the batch, 1 to 200 printable ASCII characters; sending it again replays the answer."
KEY_FORM: dict[str, Any] = {"minLength": 1, "maxLength": LONGEST_KEY, "pattern": PRINTABLE}
KeyHeader = Annotated[str | None, Header(alias="Idempotency-Key", description=KEY_TEXT, json_schema_extra=KEY_FORM)]
RequiredKeyHeader = Annotated[
    str | None, Header(alias="Idempotency-Key", description=KEY_TEXT, json_schema_extra={**KEY_FORM, **REQUIRED})
]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch at the door: where it belongs, its key, and the digest of its unpacked content."""

    stream: str
    key: str
    digest: str
    id: UUID = field(default_factory=new_id)


def required_key(key: str | None) -> str:
    """The key, if there is a usable one; raises `KeyMissing`."""
    if key is None:
        raise key_missing("Send Idempotency-Key, so that the batch can be sent again without being counted twice.")
    usable = keys.usable(key)
    if usable is None:
        raise key_missing(f"Idempotency-Key must have 1 to {LONGEST_KEY} printable ASCII characters.")
    return usable


def optional_key(key: str | None) -> str:
    """The key, or a fresh one, which makes the batch one of its own."""
    return str(new_id()) if key is None else required_key(key)


def content_digest(content: bytes) -> str:
    """What tells whether two batches hold the same."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def replayed(reader: Reader, batch: Batch) -> BatchResult | None:
    """The stored answer when the batch is known; raises `IdempotencyKeyReused` when the key came with other content."""
    found = await reader.repository(Intake).find(batch.stream, batch.key)
    if found is None:
        return None
    if found.digest != batch.digest:
        detail = f"The key {batch.key!r} was used for another {batch.stream} batch. Use a new key for new content."
        raise IdempotencyKeyReused(detail, errors=[FieldError("Idempotency-Key", "idempotency_key_reused", detail)])
    return BatchResult(**{**found.answer, "replayed": True})


async def register(work: UnitOfWork, batch: Batch, result: BatchResult, rejects_path: str | None) -> None:
    """Write the batch into the ledger, with its feed row and audit record, inside the caller's transaction."""
    tenant_id = work.principal.tenant_id
    counts: dict[str, Any] = {
        name: getattr(result, name) for name in ("received", "accepted", "duplicates", "rejected")
    }
    row = IntakeBatch(
        id=batch.id,
        tenant_id=tenant_id,
        stream=batch.stream,
        batch_id=batch.key,
        digest=batch.digest,
        rejects_path=rejects_path,
        answer=result.model_dump(mode="json"),
        **counts,
    )
    work.session.add(row)
    await work.session.flush()
    payload = {"stream": batch.stream, "batch_id": batch.key, **counts, "rejects_path": rejects_path}
    work.publish("intake_batches", "upsert", batch.id, payload, tenant_id=tenant_id)
    work.audit(
        f"{batch.stream}.batch_accepted",
        f"intake_batch:{batch.id}",
        {"key": batch.key, "digest": batch.digest, **counts},
    )
