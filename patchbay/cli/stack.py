"""What `up` and `demo` share: the supervisor over a state folder, and the table of addresses."""

from typing import TYPE_CHECKING

from patchbay.cli import output, processes
from patchbay.cli.context import child_environment, connect
from patchbay.cli.fleet import Fleet, registry
from patchbay.cli.news import News
from patchbay.cli.supervisor import Supervisor

if TYPE_CHECKING:
    from patchbay.core.settings import Settings
    from patchbay.world.config import WorldConfig

ADMIN_EMAIL = "admin@patchbay.local"
"""Whom the registry makes on its first start; importing it from there would cost the command line two seconds."""
PURPOSES = {
    "api": "the description of every route under /v1",
    "dagster": "pipelines: lineage, runs, checks",
    "dashboards": "pages: overview, marketplace, targets, adoption, anomalies, risk, automation, data quality, health",
}


def supervised(settings: "Settings") -> Supervisor:
    """A supervisor over this state."""
    return Supervisor(settings.root, child_environment(settings), output.say)


def show_addresses(settings: "Settings", *, show_password: bool = False) -> None:
    """One table of addresses and the login."""
    serving = [program for program in processes.everything(settings) if program.address]
    rows = [(program.title, program.address, PURPOSES[program.name]) for program in serving]
    file = settings.secret_file("admin.password")
    password = file.read_text().strip() if show_password else f"in {file}"
    rows.append(("login", ADMIN_EMAIL, f"password {password}"))
    output.answers.print(output.table(("", "address", "what is there"), rows))
    output.say("Ctrl-C stops everything.")


def start_api(supervisor: Supervisor, settings: "Settings") -> None:
    """The registry; its first start makes the database, the administrator and the tokens of all processes."""
    supervisor.start([processes.api(settings)])


def serve(supervisor: Supervisor, settings: "Settings") -> None:
    """Keep everything running, as many and as often started as the registry wants, and tell of plans, until Ctrl-C."""
    fleet = Fleet(supervisor, registry(settings))
    with connect(settings, timeout=3, retries=0) as client:
        news = News(client)

        def beat() -> None:
            fleet.beat()
            news.beat()

        supervisor.run(beat=beat)


def start_world(supervisor: Supervisor, config: "WorldConfig") -> None:
    """The generated world going on in real time."""
    supervisor.start([processes.world(config)])


def start_readers(supervisor: Supervisor, settings: "Settings") -> None:
    """Dagster and the dashboards, which need the registry's tokens."""
    processes.prepare_dagster_home(settings)
    processes.fail_abandoned_runs(settings, child_environment(settings))
    supervisor.start([*processes.dagster(settings), processes.dashboards(settings)])
