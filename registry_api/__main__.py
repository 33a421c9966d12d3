"""`python -m registry_api`: sets the registry up if need be and serves it until SIGTERM or SIGINT."""

import gc
from typing import Any

import uvicorn

from patchbay.core.serving import shared_listener
from patchbay.core.settings import Settings
from patchbay.core.telemetry import configure_logging
from registry_api.app import create_app
from registry_api.bootstrap import bootstrap

SECONDS_TO_STOP = 4
LARGEST_HEAD = 64 * 1024
SERVER: dict[str, Any] = {
    "access_log": False,
    "server_header": False,
    # Whose X-Forwarded-For is believed is a setting, and by default nobody's.
    "proxy_headers": False,
    # Of uvicorn's two parsers only h11 bounds a request's head; bodies are limited per route.
    "http": "h11",
    "h11_max_incomplete_event_size": LARGEST_HEAD,
}
"""How requests are read and answered."""


def main() -> None:
    """Serve; requests under way get four seconds to end."""
    settings = Settings()
    configure_logging(settings.log_level)
    bootstrap(settings)
    app = create_app(settings)
    # What stands now lives as long as the process. Left out of collections, it halves the time of large JSON batches.
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=SECONDS_TO_STOP, **SERVER)
    uvicorn.Server(config).run([shared_listener(settings.host, settings.api_port)])


if __name__ == "__main__":
    main()
