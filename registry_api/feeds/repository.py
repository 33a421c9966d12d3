"""Reading the outbox by cursor."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, String, and_, cast, func, literal, or_, select, true

from registry_api.db.repository import Repository
from registry_api.feeds.models import OutboxRow

_ROWS = OutboxRow.__table__.c
_LINE = literal('{"seq":').concat(cast(_ROWS.seq, String)).concat(",").concat(func.substr(_ROWS.line, 2))


class Outbox(Repository):
    """Feed rows the scope may see: its own and the operator's public ones, or all for platform readers."""

    async def page(self, feed: str, after: int, limit: int) -> Sequence[Row[Any]]:
        """(seq, JSON text) of the next rows of a feed in commit order, at most `limit`."""
        query = select(_ROWS.seq, _LINE).where(_ROWS.feed == feed, _ROWS.seq > after, self._visible())
        return (await self.session.execute(query.order_by(_ROWS.seq).limit(limit))).all()

    async def head(self) -> int:
        """The newest sequence number of all feeds; 0 before the first."""
        return (await self.session.execute(select(func.max(_ROWS.seq)))).scalar_one() or 0

    def _visible(self) -> ColumnElement[bool]:
        if self.scope.all_tenants:
            return true()
        public = and_(_ROWS.tenant_id == self.scope.operator_id, _ROWS.public)
        return or_(_ROWS.tenant_id == self.scope.tenant_id, public)
