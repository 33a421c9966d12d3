"""What the system routes answer."""

from pydantic import Field

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


class ProblemPage(Output):
    """What a problem means."""

    type: str = Field(description="The URI that problems of this kind have as their `type`.")
    code: str
    title: str
    status: int
    when: str = Field(description="When it is answered.")
    fix: str = Field(description="What to do.")
