"""What a card that asks the API may read: routes of the API and its viewer's snapshot; what was read is noted."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import polars as pl

from dashboards.data import Data
from dashboards.queries.question import Question
from dashboards.registry import PAGE_ROWS, NotThere, Registry, Route
from dashboards.session import Viewer
from warehouse.read import Snapshot

KEPT_SECONDS = 2.0
"""Long enough for the cards of one page to share an answer, short enough that nobody sees an old one."""
Key = tuple[str, Route, str]
Rows = list[dict[str, Any]]


class Answers:
    """What the API said lately: equal reads of one viewer within two seconds, or at the same time, are done once."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._kept: dict[Key, tuple[float, Future[Any]]] = {}
        self._lock = threading.Lock()

    def rows(self, viewer: Viewer, route: Route, most: int) -> Rows:
        """The items of a list route, at most so many."""
        limit = min(most, PAGE_ROWS)
        params = dict(route.params)
        return self._once(  # type: ignore[no-any-return]
            viewer, route, f"rows {most}", lambda c: list(islice(c.pages(route.path, limit=limit, **params), most))
        )

    def document(self, viewer: Viewer, route: Route) -> dict[str, Any]:
        """The answer of a route that is no list."""
        return self._once(  # type: ignore[no-any-return]
            viewer, route, "document", lambda c: dict(c.get(route.path, **dict(route.params)))
        )

    def forget(self, viewer: Viewer) -> None:
        """Ask anew whatever this viewer asks next: something has just been changed."""
        with self._lock:
            self._kept = {key: kept for key, kept in self._kept.items() if key[0] != viewer.key}

    def _once(self, viewer: Viewer, route: Route, how: str, work: Callable[[Any], Any]) -> Any:
        key, now = (viewer.key, route, how), time.monotonic()
        mine: Future[Any] = Future()
        with self._lock:
            self._kept = {k: kept for k, kept in self._kept.items() if now - kept[0] < KEPT_SECONDS}
            future = self._kept.setdefault(key, (now, mine))[1]
        if future is mine:
            try:
                mine.set_result(self.registry.run(viewer.token, work, route.tenant))
            except BaseException as error:  # noqa: BLE001  who waits for this answer gets its error, whatever it is
                mine.set_exception(error)
        return future.result()


@dataclass(frozen=True, slots=True)
class Access:
    """The API and the snapshot (None before the first publication) as one viewer may read them.

    Reads raise `Refused` or `Unreachable` where the API does. `read` names what was asked, in order, once each.
    """

    viewer: Viewer
    snapshot: Snapshot | None
    data: Data
    answers: Answers
    read: list[Route | Question] = field(default_factory=list)

    def rows(self, route: Route, most: int = 100_000) -> Rows:
        """The items of a list route, at most so many."""
        self._note(route)
        return self.answers.rows(self.viewer, route, most)

    def document(self, route: Route) -> dict[str, Any]:
        """The answer of a route that is no list."""
        self._note(route)
        return self.answers.document(self.viewer, route)

    def found(self, route: Route) -> dict[str, Any] | None:
        """The answer of a route about one thing; None when the registry says that there is none."""
        try:
            return self.document(route)
        except NotThere:
            return None

    def table(self, question: Question) -> pl.DataFrame | None:
        """The answer of a question to the snapshot; None before the first publication."""
        if self.snapshot is None:
            return None
        self._note(question)
        return self.data.ask(self.viewer, self.snapshot, question)

    def _note(self, asked: Route | Question) -> None:
        if asked not in self.read:
            self.read.append(asked)
