"""What `up` and `demo` share: preparing the state, the supervisor over it, the table of addresses."""

from typing import TYPE_CHECKING

from patchbay.cli import output, processes
from patchbay.cli.context import child_environment
from patchbay.cli.supervisor import Supervisor

if TYPE_CHECKING:
    from patchbay.core.settings import Settings

PURPOSES = {
    "api": "registry API: its documentation, and /v1 below it",
    "dagster": "pipelines: lineage, runs, checks",
    "dashboards": "pages: overview, marketplace, adoption, system health",
}


def prepare(settings: "Settings") -> None:
    """Bring database, administrator, tokens and Dagster's folder to a state that can be served; safe to repeat."""
    from registry_api.bootstrap import bootstrap

    bootstrap(settings)
    processes.prepare_dagster_home(settings)


def supervised(settings: "Settings") -> Supervisor:
    """A supervisor over this state."""
    return Supervisor(settings.root, child_environment(settings), output.say)


def show_addresses(settings: "Settings", *, show_password: bool = False) -> None:
    """One table of addresses and the login."""
    from registry_api.bootstrap import ADMIN_EMAIL

    serving = [program for program in processes.everything(settings) if program.address]
    rows = [(program.title, program.address, PURPOSES[program.name]) for program in serving]
    file = settings.secret_file("admin.password")
    password = file.read_text().strip() if show_password else f"in {file}"
    rows.append(("login", ADMIN_EMAIL, f"password {password}"))
    output.answers.print(output.table(("", "address", "what is there"), rows))
    output.say("Ctrl-C stops everything.")
