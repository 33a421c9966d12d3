"""Lists of insights are of one set from their first page to their last, whatever becomes the one that is read meanwhile."""

from registry_api.db import Reader
from registry_api.insights.repository import Insights
from registry_api.pagination import Paging
from registry_api.problems import Conflict


async def pinned(paging: Paging, reader: Reader, *kinds: str) -> Paging:
    """The paging over the sets that are read now, or over those that the list's first page was of.

    Raises `Conflict` where one of those is gone, and what `Paging.pinned` does.
    """
    insights = reader.repository(Insights)
    if paging.cursor is None:
        return paging.pinned((await reader.session.execute(insights.heads(*kinds))).scalars().all())
    later = paging.pinned(())
    if not await insights.are_kept(later.pins):
        raise Conflict("The set that this list began with is no longer kept; start again at the first page.")
    return later
