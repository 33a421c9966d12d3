"""What becomes of the rules' plans, told line by line while Patchbay serves."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from patchbay.cli import output

if TYPE_CHECKING:
    from patchbay.core.client import Client

LOOK_SECONDS = 5.0
NEWEST = 50
"""Plans asked for at a look."""
WORDS = {
    "waiting": "waits for approval",
    "done": "is done",
    "failed": "has failed",
    "stopped": "was stopped",
    "stale": "came too late: its target had changed",
}
"""Of plans in these states somebody is told."""


class News:
    """Tells of every plan that comes to one of these states, once; those that had at the first look are no news."""

    def __init__(self, client: "Client", say: Callable[[str], None] = output.say) -> None:
        self._client = client
        self._say = say
        states = self._states()
        self._known = None if states is None else set(states)
        self._due = 0.0

    def beat(self) -> None:
        """Look when it is time; a registry that does not answer is asked again later."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LOOK_SECONDS
        states = self._states()
        if states is None:
            return
        if self._known is None:
            self._known = set(states)
        for known, plan in states.items():
            if known not in self._known:
                self._known.add(known)
                self._say(sentence(plan))

    def _states(self) -> dict[tuple[str, str], Mapping[str, Any]] | None:
        """Plans of which somebody is told, by id and state, oldest first; None while the registry does not answer."""
        from patchbay.core.client import ApiError, ApiUnreachable

        try:
            plans = self._client.get("/v1/automation/plans", limit=NEWEST)["items"]
        except (ApiError, ApiUnreachable):
            return None
        return {(plan["id"], plan["state"]): plan for plan in reversed(plans) if plan["state"] in WORDS}


def sentence(plan: Mapping[str, Any]) -> str:
    """A plan's rule, action and state in words, with what was said of it."""
    said = (plan["outcome"] or {}).get("detail")
    action = plan["action"].replace("_", " ")
    return f"Rule “{plan['rule']}”: {action} {WORDS[plan['state']]}{f' ({said})' if said else ''}"
