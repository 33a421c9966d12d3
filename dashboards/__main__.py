"""`python -m dashboards` serves the dashboards on the configured address."""

import logging

import uvicorn

from dashboards.app import create_app
from patchbay.core.settings import Settings


def main() -> None:
    """Read the settings and serve until stopped."""
    settings = Settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = create_app(settings)
    uvicorn.run(
        app.server, host=settings.host, port=settings.dashboards_port, log_level=settings.log_level.lower(),
        access_log=False, server_header=False, timeout_graceful_shutdown=5,
    )  # fmt: skip


if __name__ == "__main__":
    main()
