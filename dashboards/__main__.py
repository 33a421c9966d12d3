"""`python -m dashboards` serves the dashboards on the configured address."""

from typing import Any

import uvicorn

from dashboards.app import create_app
from patchbay.core.serving import shared_listener
from patchbay.core.settings import Settings
from patchbay.core.telemetry import configure_logging

SECONDS_TO_STOP = 4
SERVER: dict[str, Any] = {
    "access_log": False,
    "server_header": False,
    # Whose X-Forwarded-For is believed is the registry's to judge; uvicorn would overwrite whom we heard from.
    "proxy_headers": False,
}
"""How requests are read and answered."""


def main() -> None:
    """Read the settings and serve until stopped; downloads under way get four seconds to end."""
    settings = Settings()
    configure_logging(settings.log_level)
    config = uvicorn.Config(
        create_app(settings).server,
        log_config=None,
        timeout_graceful_shutdown=SECONDS_TO_STOP,
        **SERVER,
    )
    uvicorn.Server(config).run([shared_listener(settings.host, settings.dashboards_port)])


if __name__ == "__main__":
    main()
