"""Lanes: kinds of work that do not wait for each other, each with workers of its own."""

from dataclasses import dataclass

WORK, WEBHOOKS = "work", "webhooks"


@dataclass(frozen=True, slots=True)
class Lane:
    """How many jobs of one queue, and of one tenant, run at a time; None where nothing limits them."""

    per_queue: int | None = None
    per_tenant: int | None = None


LANES = {WORK: Lane(), WEBHOOKS: Lane(per_queue=2, per_tenant=6)}
"""A queue of webhooks is one receiver: a slow one keeps two senders busy, a tenant of slow ones six, and the rest go on."""
