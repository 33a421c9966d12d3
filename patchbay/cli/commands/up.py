"""`patchbay up`."""

from patchbay.cli.commands.options import Home


def up(home: Home = None) -> None:
    """Start the registry API, Dagster (webserver and daemon) and the dashboards, and keep them running.

    The first start makes the database, an administrator and the processes' tokens. A process that crashes is started
    again; Ctrl-C stops all of them. Logs are in `<home>/logs`.

    Examples:

        patchbay up

        PATCHBAY_API_PORT=9400 patchbay up --home /srv/patchbay
    """
    from patchbay.cli import output, stack
    from patchbay.cli.context import load_settings

    settings = load_settings(home)
    with stack.supervised(settings) as supervisor:
        with output.timed("Starting Patchbay"):
            stack.start_api(supervisor, settings)
            stack.start_readers(supervisor, settings)
        stack.show_addresses(settings)
        stack.serve(supervisor, settings)
        output.say("Stopping")
