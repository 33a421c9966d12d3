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
from functools import partial
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

import orjson
from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, literal, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from registry_api.problems import FieldError, InvalidRequest

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MOST_INCLUDED = 100
SEAL_BYTES = 12
AFTER, BEFORE = ">", "<"
PIN_SEPARATOR, PIN_END = ".", "~"
"""Between and after the ids that a cursor carries in front; base64 has neither."""


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
    prev: str | None = Field(default=None, description="Cursor of the page before; null on the first one.")


class Some(BaseModel, Generic[T]):
    """The first of a list, in another thing's answer."""

    # A generic's docstring does not reach the schemas of its forms.
    model_config = ConfigDict(json_schema_extra={"description": "The first of a list, in another thing's answer."})

    items: list[T] = Field(description=f"At most {MOST_INCLUDED}.")
    more: str | None = Field(description="Path of the whole list; null where this is all of it.")


async def first(
    session: AsyncSession, query: Select[Any], order: Sequence[Any], whole: str, *, scalars: bool = True
) -> Some[Any]:
    """The first rows of a query in an order, and the path of the `whole` list where there are more."""
    result = await session.execute(query.order_by(*order).limit(MOST_INCLUDED + 1))
    rows = list(result.scalars().all() if scalars else result.all())
    return Some[Any](items=rows[:MOST_INCLUDED], more=whole if len(rows) > MOST_INCLUDED else None)


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page was asked for."""

    limit: int
    cursor: str | None
    question: bytes
    key: bytes
    pins: tuple[UUID, ...] = ()
    told: Callable[[str | None, str | None], None] = lambda next, prev: None
    """Takes the cursors of the pages around this one, for the answer's `Link` header."""

    def pinned(self, current: Sequence[UUID]) -> "Paging":
        """The same list from its first page to its last: `pins` are `current` on the first, then what the cursor carries,
        which is nothing where there was nothing on the first.

        Raises `InvalidRequest` for a cursor that is not ours or of another question.
        """
        if self.cursor is None:
            return replace(self, pins=tuple(current))
        pins, _, cursor = self.cursor.rpartition(PIN_END)
        try:
            pinned = replace(self, cursor=cursor, pins=tuple(map(UUID, pins.split(PIN_SEPARATOR) if pins else ())))
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
        back, key = (False, None) if self.cursor is None else self._opened(order)
        falling = descending != back
        query = query.order_by(*(column.desc() if falling else column.asc() for column in order)).limit(self.limit + 1)
        if key is not None:
            beyond = tuple_(*(literal(value, column.type) for value, column in zip(key, order, strict=True)))
            query = query.where(tuple_(*order) < beyond if falling else tuple_(*order) > beyond)
        result = await session.execute(query)
        found: list[Any] = list(result.scalars().all() if scalars else result.all())
        return self._turned(found, back, order)

    def _turned(self, found: list[Any], back: bool, order: Sequence[InstrumentedAttribute[Any]]) -> "Rows":
        """The page in its list's order. One that was gone to has a neighbour where it was come from."""
        page, more = found[: self.limit], len(found) > self.limit
        page = page[::-1] if back else page
        come_from = self.cursor is not None and bool(page)
        last = self._sealed(AFTER, page[-1], order) if (come_from if back else more) else None
        first = self._sealed(BEFORE, page[0], order) if (more if back else come_from) else None
        return self.around(page, last, first)

    @property
    def place(self) -> int:
        """How many rows come before this page, for lists whose rows never change; raises `InvalidRequest` for no such cursor."""
        return 0 if self.cursor is None else int(orjson.loads(self._unsealed())[0])

    def at(self, place: int) -> str:
        """The cursor of the page before which `place` rows come."""
        return self._written([place])

    def around(self, items: list[Any], next: str | None, prev: str | None) -> "Rows":
        """A page that was found in another way, with the cursors of its neighbours."""
        self.told(next, prev)
        return Rows(items, next, prev)

    def _sealed(self, direction: str, row: Any, order: Sequence[InstrumentedAttribute[Any]]) -> str:
        values = [getattr(row, column.key) for column in order]
        sealed = self._written([direction, *values])
        return self._carried + PIN_END + sealed if self.pins else sealed

    def _written(self, values: list[Any]) -> str:
        # asyncpg's UUIDs are a subclass, which orjson does not take by itself.
        body = orjson.dumps(values, default=str)
        return base64.urlsafe_b64encode(self._seal(body) + body).decode().rstrip("=")

    def _opened(self, order: Sequence[InstrumentedAttribute[Any]]) -> tuple[bool, list[Any]]:
        """Whether the cursor goes back, and the sort key of the row it starts from."""
        direction, *values = orjson.loads(self._unsealed())
        key = [_restored(value, column.type.python_type) for value, column in zip(values, order, strict=True)]
        return direction == BEFORE, key

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
    """The rows of a page and the cursors of its neighbours."""

    items: list[Any]
    next: str | None
    prev: str | None = None

    def page(self, present: Callable[[Any], T]) -> Page[T]:
        """The page with each row presented."""
        return self.holding([present(row) for row in self.items])

    def holding(self, items: list[T]) -> Page[T]:
        """The page with these in the place of its rows."""
        return Page[Any](items=items, next=self.next, prev=self.prev)


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
    cursor: Annotated[str | None, Query(max_length=2000, description="`next` or `prev` of another page.")] = None,
) -> Paging:
    filters = sorted(
        (name, value) for name, value in request.query_params.multi_items() if name not in ("limit", "cursor")
    )
    question = hashlib.sha256(orjson.dumps([request.url.path, filters])).digest()
    return Paging(limit, cursor, question, request.app.state.cursor_key, told=partial(_link, request))


def _link(request: Request, next: str | None, prev: str | None) -> None:
    """Note the neighbours as links per RFC 8288, with all that was asked for this page."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    request.state.links = ", ".join(
        f'<{quote(request.url.path)}?{urlencode([*asked, ("cursor", cursor)])}>; rel="{rel}"'
        for rel, cursor in (("next", next), ("prev", prev))
        if cursor is not None
    )


PagingQuery = Annotated[Paging, Depends(_paging)]
"""Declare `paging: PagingQuery` on a list route, then `(await paging.rows(session, query, [Model.name,
Model.id])).page(present)`.
"""
