"""What the system routes answer."""

from registry_api.schemas import Output


class Health(Output):
    """The process answers."""

    status: str


class FeedState(Output):
    """How far the feeds have come."""

    head_seq: int


class Status(Output):
    """The state of the whole registry, over all tenants."""

    version: str
    database: str
    migration: str | None
    storage: str
    jobs: dict[str, int]
    feeds: FeedState
    counts: dict[str, int]
