"""The scene of the tests of sharing."""

import pytest

from tests.registry_api.catalog.sharing.support import ADVISORY, PLUGIN, REF, TARGET, Scene, tenant_of
from tests.registry_api.insights_data import publish, risk


@pytest.fixture
async def scene(api) -> Scene:
    """A shared plugin that nobody was granted yet, with a risk that models gave it."""
    initech, third = await api.tenant("initech")
    assert (await api.acme.post("/v1/plugins", json=PLUGIN)).status_code == 201
    assert (await api.acme.post("/v1/advisories/batches", json={"advisories": [ADVISORY]})).json()["created"] == 1
    for caller in (api.acme, api.globex, third):
        assert (await caller.post("/v1/targets/batches", json={"targets": [TARGET]})).json()["created"] == 1
    plugin = (await api.acme.get(f"/v1/plugins/{REF}")).json()["id"]
    await publish(api.service, "risk", [risk(plugin, 80)])
    ids = {"acme": await tenant_of(api.acme), "globex": await tenant_of(api.globex), "initech": initech["id"]}
    return Scene(api, plugin, third, ids)
