"""`python -m registry_api`: sets the registry up if need be and serves it until SIGTERM or SIGINT."""

import gc

import uvicorn

from patchbay.core.settings import Settings
from patchbay.core.telemetry import configure_logging
from registry_api.app import create_app
from registry_api.bootstrap import bootstrap

SECONDS_TO_STOP = 4
LARGEST_HEAD = 64 * 1024


def main() -> None:
    """Serve; requests under way get four seconds to end."""
    settings = Settings()
    configure_logging(settings.log_level)
    bootstrap(settings)
    app = create_app(settings)
    # What stands now lives as long as the process. Left out of collections, it halves the time of large JSON batches.
    gc.freeze()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_STOP,
        # Of uvicorn's two parsers only h11 bounds a request's head; bodies are limited per route.
        http="h11",
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )


if __name__ == "__main__":
    main()
