"""JSON batches: every item is judged by itself, and the good ones take effect in one transaction."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import anyio
import polars as pl
from fastapi import Request, Response
from pydantic import BaseModel, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from patchbay.core.storage import Storage
from registry_api.access import Actor
from registry_api.answers import field_error
from registry_api.db import UnitOfWork
from registry_api.intake.errors import EmptyBatch
from registry_api.intake.ledger import Batch, content_digest, optional_key, register, replayed
from registry_api.intake.rejects import Reject, first_lines, frame_of, rejects_key, store_rejects
from registry_api.intake.repository import Intake
from registry_api.intake.schemas import BatchResult
from registry_api.problems import FieldError
from registry_api.tenancy.errors import QuotaExceeded
from registry_api.tenancy.metering import Metering
from registry_api.tenancy.plans import Quota

T = TypeVar("T", bound=BaseModel)
SHOWN_FAULTS = 20
NOT_EMPTY: dict[str, Any] = {"minItems": 1}
"""What the API document says of a batch's items; `EmptyBatch` says it with a code of its own."""


@dataclass(frozen=True, slots=True)
class Faulty:
    """An item that is not valid, kept so that the rest of its batch is not lost with it."""

    value: Any
    faults: list[FieldError]


def keep_faults(model: type[BaseModel]) -> WrapValidator:
    """For the item type of a batch: an invalid item becomes `Faulty` instead of failing the whole.

    OpenAPI keeps the item's schema.
    """

    def validate(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)[:SHOWN_FAULTS]
            return Faulty(value, [field_error({**fault, "loc": ("body", *fault["loc"])}, model) for fault in found])

    return WrapValidator(validate)


@dataclass(slots=True)
class Outcome:
    """What became of the items: rejects by item, and how many of the rest were new, changed or known."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    rejects: list[Reject] = field(default_factory=list)

    def refuse(self, index: int, pointer: str, code: str, reason: str, item: object = None) -> None:
        """Note one fault of one item."""
        self.rejects.append(Reject(index, pointer, code, reason, item))


def _all(documents: list[tuple[int, T]], outcome: Outcome) -> list[tuple[int, T]]:
    return documents


@dataclass(frozen=True, slots=True)
class JsonBatch(Generic[T]):
    """How a stream takes a batch.

    `judge` keeps the valid items, each with its place, that pass the rules which need no database; it runs in a thread before the
    transaction. `apply` carries out what it kept. Both fill the outcome.
    """

    stream: str
    collection: str
    apply: Callable[[UnitOfWork, list[tuple[int, T]], Outcome], Awaitable[None]]
    judge: Callable[[list[tuple[int, T]], Outcome], list[tuple[int, T]]] = _all

    async def take(
        self, request: Request, response: Response, actor: Actor, items: Sequence[T | Faulty], key: str | None
    ) -> BatchResult:
        """Answer 201, or 200 for a replay; raises `EmptyBatch` without items."""
        if not items:
            raise EmptyBatch(f"{self.collection} is empty; send at least one item.")
        batch = Batch(self.stream, optional_key(key), content_digest(await request.body()))
        async with actor.reading() as reader:
            result = await replayed(reader, batch)
        if result is None:
            result = await self._take(request.app.state.storage, actor, batch, items)
        response.status_code = 200 if result.replayed else 201
        return result

    async def _take(self, storage: Storage, actor: Actor, batch: Batch, items: Sequence[T | Faulty]) -> BatchResult:
        outcome = Outcome()
        good = await anyio.to_thread.run_sync(self._judge, items, outcome)
        kept = Kept(storage, rejects_key(actor.principal.tenant_id, batch.id))
        await kept.write(outcome.rejects)
        try:
            async with actor.writing() as work:
                await work.repository(Intake).take_turn(self.stream)
                result = await replayed(work, batch)
                if result is None:
                    await self.apply(work, good, outcome)
                    await kept.write(outcome.rejects)
                    await work.repository(Metering).add({Quota.STORAGE: kept.bytes})
                    result = self._result(batch, len(items), outcome, kept.frame)
                    await register(work, batch, result, kept.path if outcome.rejects else None)
        except QuotaExceeded:
            await kept.discard()
            raise
        if result.replayed:
            await kept.discard()
        return result

    def _judge(self, items: Sequence[T | Faulty], outcome: Outcome) -> list[tuple[int, T]]:
        valid: list[tuple[int, T]] = []
        for index, item in enumerate(items):
            if isinstance(item, Faulty):
                for fault in item.faults:
                    pointer = f"/{self.collection}/{index}{fault.pointer}"
                    outcome.refuse(index, pointer, fault.code, fault.detail, item.value)
            else:
                valid.append((index, item))
        return self.judge(valid, outcome)

    def _result(self, batch: Batch, received: int, outcome: Outcome, rejects: pl.DataFrame) -> BatchResult:
        rejected = rejects["row_index"].n_unique()
        return BatchResult(
            batch_id=batch.key,
            stream=batch.stream,
            received=received,
            accepted=received - outcome.duplicates - rejected,
            duplicates=outcome.duplicates,
            rejected=rejected,
            created=outcome.created,
            updated=outcome.updated,
            unchanged=outcome.unchanged,
            rejects=first_lines(rejects),
        )


class Kept:
    """A batch's rejects on their way to the lake.

    They are written before the transaction, and once more inside it only when the registry's state refused further items.
    """

    def __init__(self, storage: Storage, path: str) -> None:
        self.storage, self.path = storage, path
        self.frame = frame_of([])
        self.bytes = self._written = 0

    async def write(self, rejects: list[Reject]) -> None:
        """Make them durable, unless they are already; in a thread."""
        if len(rejects) > self._written:
            await anyio.to_thread.run_sync(self._write, rejects)

    def _write(self, rejects: list[Reject]) -> None:
        self.frame, self._written = frame_of(rejects), len(rejects)
        self.bytes = store_rejects(self.storage, self.path, self.frame)

    async def discard(self) -> None:
        """Remove them where nothing will name them."""
        if self._written:
            await anyio.to_thread.run_sync(self.storage.delete, self.path)
