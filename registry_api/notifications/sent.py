"""What sending came to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sent:
    """A message was taken; `refused` names those of several receivers that were turned away for good, with the reason.

    `status` is what a webhook's receiver answered.
    """

    detail: str
    refused: tuple[str, ...] = ()
    status: int | None = None
