"""The bare limits of the API benchmark, each on the registry's own server (uvicorn with h11 and the registry's bound on heads).

`python -m benchmarks.bare PORT` serves `/bare`, a FastAPI route that does nothing. With PATCHBAY_HOME set it also serves
`/plugins/{plugin}` as somebody would write it by hand over the same session and the same statements: the token is looked up,
the session bound to its tenant, the plugin read and presented. It has no limits, conditions, request log, metrics or problems.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, HTTPException, Request

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from registry_api.__main__ import SERVER
from registry_api.catalog.presenting import plugin_views
from registry_api.catalog.repository import Catalogue
from registry_api.catalog.schemas import PluginView
from registry_api.db import Crossing, Database, Scope, rebind
from registry_api.db.binding import Binding
from registry_api.identity.authentication import LOOKUPS
from registry_api.identity.tokens import Secret


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    if "PATCHBAY_HOME" not in os.environ:
        yield
        return
    app.state.database = Database(Settings().resolved_database_url)
    yield
    await app.state.database.close()


app = FastAPI(lifespan=_lifespan)


@app.get("/bare")
async def bare() -> dict[str, str]:
    """Nothing but the framework."""
    return {"status": "ok"}


@app.get("/plugins/{plugin}")
async def read_plugin(request: Request, plugin: str, authorization: Annotated[str, Header()]) -> PluginView:
    """A plugin, for whoever holds a live token."""
    database: Database = request.app.state.database
    asked = {"hash": Secret(authorization.removeprefix("Bearer ")).hash, "now": utcnow()}
    async with database.reading(Crossing.AUTHENTICATION) as session:
        caller = (await session.execute(LOOKUPS["t"], asked)).one_or_none()
        if caller is None:
            raise HTTPException(401)
        scope = Scope(caller.tenant_id, caller.operator_id)
        await rebind(session, Binding.to(scope))
        catalogue = Catalogue(session, scope)
        return (await plugin_views(catalogue, [await catalogue.plugin(plugin)]))[0]


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", **SERVER)
