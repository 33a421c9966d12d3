"""What the registry wants of the processes: told every two seconds what runs, it answers how many and how often started."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patchbay.cli.supervisor import Supervisor
    from patchbay.core.client.documents import Desired
    from patchbay.core.settings import Settings

REPORT_SECONDS = 2.0
ANSWER_SECONDS = 3.0
Wanted = Mapping[str, "Desired"]
Tell = Callable[[Sequence[Mapping[str, Any]]], Wanted]


def registry(settings: "Settings") -> Tell:
    """Reports to the registry of the settings, with the service's token; nothing is wanted while it does not answer."""
    from patchbay.core.client import ApiError, ApiUnreachable, Client

    token = settings.secret_file("service.token").read_text().strip()
    client = Client(settings.api_url, token, timeout=ANSWER_SECONDS, retries=0)

    def tell(processes: Sequence[Mapping[str, Any]]) -> Wanted:
        try:
            return client.report_processes(processes)
        except (ApiError, ApiUnreachable):
            return {}

    return tell


class Fleet:
    """Reports what a supervisor runs, and sees to what is wanted."""

    def __init__(self, supervisor: "Supervisor", tell: Tell) -> None:
        self._supervisor = supervisor
        self._tell = tell
        self._due = 0.0

    def beat(self) -> None:
        """Report when it is time, and do what the answer asks for."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + REPORT_SECONDS
        for name, wanted in self._tell(self.reports()).items():
            self._see_to(name, wanted["replicas"], wanted["generation"])

    def reports(self) -> list[dict[str, Any]]:
        """Every program as it runs."""
        found = []
        for program in self._supervisor.programs:
            alive = self._supervisor.alive(program.name)
            found.append(
                {
                    "name": program.name,
                    "replicas": len(alive),
                    "generation": self._supervisor.generations.of(program.name),
                    "healthy": bool(alive) and program.answers(),
                    "max_replicas": program.max_replicas,
                }
            )
        return found

    def _see_to(self, name: str, replicas: int, generation: int) -> None:
        program = next((one for one in self._supervisor.programs if one.name == name), None)
        if program is None:
            return
        if generation > self._supervisor.generations.of(name):
            self._supervisor.restart(program, generation)
        elif self._supervisor.all_run(name):
            self._supervisor.scale(program, min(max(replicas, 1), program.max_replicas))
