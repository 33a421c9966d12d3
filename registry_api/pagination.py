"""Seek pagination: `limit`, an opaque `cursor`, and pages that neither skip nor repeat while rows come and go.

A cursor holds the sort key of the last row, ends in a unique column, and is sealed with the question it belongs to, so
one that was edited, or carried to another route or filter, is refused instead of giving a wrong page.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field
from sqlalchemy import Select, literal, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from registry_api.problems import FieldError, InvalidRequest

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 500
SEAL_BYTES = 12
PIN_SEPARATOR, PIN_END = ".", "~"
"""Between and after the ids that a cursor carries in front; base64 has neither."""


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page was asked for."""

    limit: int
    cursor: str | None
    question: bytes
    key: bytes
    pins: tuple[UUID, ...] = ()

    def pinned(self, current: Sequence[UUID]) -> "Paging":
        """The same list from its first page to its last: `pins` are `current` on the first, then what the cursor carries.

        Raises `InvalidRequest` for a cursor that is not ours or of another question.
        """
        if self.cursor is None:
            return replace(self, pins=tuple(current))
        pins, _, cursor = self.cursor.rpartition(PIN_END)
        try:
            pinned = replace(self, cursor=cursor, pins=tuple(map(UUID, pins.split(PIN_SEPARATOR))))
        except ValueError as error:
            raise _bad_cursor() from error
        pinned._unsealed()
        return pinned

    async def rows(
        self,
        session: AsyncSession,
        query: Select[Any],
        order: Sequence[InstrumentedAttribute[Any]],
        *,
        descending: bool = False,
        scalars: bool = True,
    ) -> "Rows":
        """Run `query` for this page, ordered by `order`, whose last column is unique and none of which is ever null.

        With `scalars` the rows are the first column (an entity), and `order` its attributes; without, the rows are
        tuples and `order` columns of the select. Raises `InvalidRequest` for a cursor that is not ours or of another
        question.
        """
        query = query.order_by(*(column.desc() if descending else column.asc() for column in order)).limit(
            self.limit + 1
        )
        if self.cursor is not None:
            after = tuple_(
                *(literal(value, column.type) for value, column in zip(self._opened(order), order, strict=True))
            )
            query = query.where(tuple_(*order) < after if descending else tuple_(*order) > after)
        result = await session.execute(query)
        found: list[Any] = list(result.scalars().all() if scalars else result.all())
        page = found[: self.limit]
        more = len(found) > self.limit
        return Rows(page, self._sealed([getattr(page[-1], column.key) for column in order]) if more else None)

    def _sealed(self, values: list[Any]) -> str:
        # asyncpg's UUIDs are a subclass, which orjson does not take by itself.
        body = orjson.dumps(values, default=str)
        sealed = base64.urlsafe_b64encode(self._seal(body) + body).decode().rstrip("=")
        return self._carried + PIN_END + sealed if self.pins else sealed

    def _opened(self, order: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
        values = orjson.loads(self._unsealed())
        return [_restored(value, column.type.python_type) for value, column in zip(values, order, strict=True)]

    def _unsealed(self) -> bytes:
        try:
            raw = base64.urlsafe_b64decode((self.cursor or "") + "==")
        except (binascii.Error, ValueError):
            raw = b""
        seal, body = raw[:SEAL_BYTES], raw[SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(body)):
            raise _bad_cursor()
        return body

    @property
    def _carried(self) -> str:
        return PIN_SEPARATOR.join(map(str, self.pins))

    def _seal(self, body: bytes) -> bytes:
        asked = self.question + self._carried.encode() + b"\0" + body
        return hmac.digest(self.key, asked, "sha256")[:SEAL_BYTES]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a page and the cursor of the next."""

    items: list[Any]
    next: str | None

    def page(self, present: Callable[[Any], T]) -> Page[T]:
        """The page with each row presented."""
        return Page[Any](items=[present(row) for row in self.items], next=self.next)


def _restored(value: Any, kind: type) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value)
    return UUID(value) if kind is UUID else value


def _bad_cursor() -> InvalidRequest:
    detail = "The cursor was not given out for this list with these filters; leave it out to start at the first page."
    return InvalidRequest(detail, errors=[FieldError("cursor", "bad_cursor", detail)])


def _paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows on a page.")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next` of the page before.")] = None,
) -> Paging:
    filters = sorted(
        (name, value) for name, value in request.query_params.multi_items() if name not in ("limit", "cursor")
    )
    question = hashlib.sha256(orjson.dumps([request.url.path, filters])).digest()
    return Paging(limit, cursor, question, request.app.state.cursor_key)


PagingQuery = Annotated[Paging, Depends(_paging)]
"""Declare `paging: PagingQuery` on a list route, then `(await paging.rows(session, query, [Model.name,
Model.id])).page(present)`.
"""
