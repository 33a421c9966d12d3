"""What sending can end in."""

from registry_api.jobs.errors import Explained, PermanentFailure


class Undeliverable(PermanentFailure):
    """The message cannot be sent as it stands, now or later; the sentence says what to change.

    `status` and `excerpt` are of the receiver's answer, where there was one.
    """

    status: int | None = None
    excerpt: str = ""


class Refused(Undeliverable):
    """The receiver answered that it does not take the message; what it is set to may change."""


class TryAgain(Explained):
    """The receiver or the way to it is away; a later attempt may succeed."""

    status: int | None = None
    excerpt: str = ""
