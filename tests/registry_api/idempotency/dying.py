"""A registry process that dies between a plugin's commit and its answer: `python -m tests.registry_api.idempotency.dying`."""

import os
import signal
from typing import Any

from registry_api import __main__ as server
from registry_api import app as application


class Dying:
    """Kills the process, as kill -9 does, when the answer of a POST of plugins is about to leave."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if scope.get("method") == "POST" and scope["path"] == "/v1/plugins" and message.get("status") == 201:
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)

        await self.app(scope, receive, sending)


def create_app(settings: Any) -> Any:
    app = application.create_app(settings)
    app.add_middleware(Dying)
    return app


if __name__ == "__main__":
    server.create_app = create_app
    server.main()
