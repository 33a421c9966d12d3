"""Routes of feeds."""

import asyncio
from typing import Annotated, Any

from fastapi import Header, Query, Response

from patchbay.core.contracts import FEEDS, Contract
from registry_api.access import Actor, acting, reading
from registry_api.db import Reader
from registry_api.feeds.encode import ARROW, NDJSON, to_arrow, to_ndjson
from registry_api.feeds.repository import Outbox
from registry_api.feeds.schemas import FeedList, FeedView
from registry_api.http import api_router, problems
from registry_api.negotiation import choose
from registry_api.problems import NotFound, suggestion

router = api_router("feeds")
DEFAULT_LIMIT = 5_000
MAX_LIMIT = 50_000
_HEADERS = {
    "Patchbay-Next-After": {"description": "Send as `after` to go on.", "schema": {"type": "integer"}},
    "Patchbay-More": {
        "description": "true while further rows wait.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
}
_ROWS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The next rows, in commit order.",
        "headers": _HEADERS,
        "content": {
            ARROW: {"schema": {"type": "string", "format": "binary"}},
            NDJSON: {"schema": {"type": "string"}},
        },
    }
}


@router.get("/feeds", summary="List feeds")
async def list_feeds(reader: Reader = reading("feeds:read")) -> FeedList:
    """Every feed with its columns."""
    head = await reader.repository(Outbox).head()
    return FeedList(items=[FeedView.model_validate(feed) for feed in FEEDS.values()], head_seq=head)


@router.get(
    "/feeds/{feed}",
    summary="Read a feed",
    response_class=Response,
    responses=_ROWS | problems(not_acceptable="Accept names neither form."),
)
async def read_feed(
    feed: str,
    after: Annotated[int, Query(ge=0, le=2**62, description="The last sequence number read.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    accept: Annotated[str | None, Header(description=f"{NDJSON} (default) or {ARROW}.")] = None,
    actor: Actor = acting("feeds:read"),
) -> Response:
    """Rows with seq > `after`, oldest first. Paging by cursor while others write sees every row exactly once, in order.

    A tenant sees its own rows, the operator's public ones and those of what is shared with it; platform roles see all. A page ends
    early, with `Patchbay-More: true`, where it would grow over 64 MiB; the last page's `Patchbay-Next-After` is the newest number of
    all feeds, so that rows of others are not gone through again.
    """
    contract = FEEDS.get(feed)
    if contract is None:
        raise NotFound(f"There is no feed {feed[:100]!r}. {suggestion(feed[:100], set(FEEDS))}")
    form = choose(accept, (NDJSON, ARROW))
    async with actor.reading() as reader:
        outbox = reader.repository(Outbox)
        head = await outbox.head()  # before the page, which so holds every row up to it
        rows, more = await outbox.page(feed, after, limit)
    body = await asyncio.to_thread(_encode, contract, form, [line for _, line in rows])
    headers = {
        "Patchbay-Next-After": str(rows[-1][0] if more else max(after, head, *(seq for seq, _ in rows[-1:]))),
        "Patchbay-More": str(more).lower(),
        "Vary": "Accept",
    }
    return Response(body, media_type=form, headers=headers)


def _encode(contract: Contract, form: str, lines: list[str]) -> bytes:
    return to_arrow(contract, lines) if form == ARROW else to_ndjson(lines)
