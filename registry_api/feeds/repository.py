"""Reading the outbox by cursor."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, String, and_, cast, func, literal, or_, select

from registry_api.catalog.sharing.models import PluginGrant
from registry_api.catalog.visibility import received
from registry_api.db.binding import Crossing, crossing
from registry_api.db.repository import Repository
from registry_api.db.statements import table_of
from registry_api.feeds.models import OutboxRow

PAGE_BYTES = 64 * 1024 * 1024
"""Most text in one page."""

_ROWS = table_of(OutboxRow).c
_LINE = literal('{"seq":').concat(cast(_ROWS.seq, String)).concat(",").concat(func.substr(_ROWS.line, 2))


class Outbox(Repository):
    """Feed rows the scope may see: its own, the operator's public ones and what is shared with it; platform readers all.

    Copies for one tenant are for that one only: whoever sees everything has the rows themselves.
    """

    async def page(self, feed: str, after: int, limit: int) -> tuple[Sequence[Row[Any]], bool]:
        """(seq, JSON text) of the next rows of a feed in commit order, and whether more wait.

        At most `limit` rows, and no more than `PAGE_BYTES` of text unless the first row alone is longer.
        """
        wanted = (_ROWS.feed == feed, _ROWS.seq > after, self._visible())
        sizes = select(_ROWS.seq, func.length(_ROWS.line).label("size")).where(*wanted)
        sizes = sizes.order_by(_ROWS.seq).limit(limit + 1)
        last, more = _cut((await self.session.execute(sizes)).all(), limit)
        query = select(_ROWS.seq, _LINE).where(*wanted, _ROWS.seq <= last).order_by(_ROWS.seq)
        return (await self.session.execute(query)).all(), more

    async def head(self) -> int:
        """The newest sequence number of all feeds; 0 before the first."""
        async with crossing(self.session, Crossing.FEED_HEAD):
            return (await self.session.execute(select(func.max(_ROWS.seq)))).scalar_one() or 0

    def _visible(self) -> ColumnElement[bool]:
        if self.scope.all_tenants:
            return _ROWS.audience_id.is_(None)
        own = and_(_ROWS.tenant_id == self.scope.tenant_id, _ROWS.audience_id.is_(None))
        public = and_(_ROWS.tenant_id == self.scope.operator_id, _ROWS.public)
        granted = _ROWS.grant_id.in_(select(PluginGrant.id).where(received(self.scope)))
        shared = and_(_ROWS.audience_id == self.scope.tenant_id, or_(_ROWS.grant_id.is_(None), granted))
        return or_(own, public, shared)


def _cut(sizes: Sequence[Row[Any]], limit: int) -> tuple[int, bool]:
    """The last number of a page and whether more wait."""
    total = 0
    for count, (_, size) in enumerate(sizes):
        total += size
        if count == limit or (count and total > PAGE_BYTES):
            return sizes[count - 1][0], True
    return (sizes[-1][0] if sizes else 0), False
