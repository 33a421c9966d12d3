"""Starts of a registry whose process tokens were lost."""

import asyncio

from registry_api.bootstrap import bootstrap
from tests.registry_api.conftest import running


async def test_a_lost_process_token_ends_with_all_that_was_made_from_it_and_is_recorded(registry):
    settings, tokens = registry
    async with running(settings, tokens) as api:
        narrower = (await api.operator.post("/v1/tokens/narrower", json={"name": "narrower"})).json()
        narrowest = (await api.client(narrower["token"]).post("/v1/tokens/narrower", json={"name": "least"})).json()
    settings.secret_file("admin.token").unlink()
    await asyncio.to_thread(bootstrap, settings)
    fresh = settings.secret_file("admin.token").read_text().strip()
    async with running(settings, tokens | {"operator": fresh}) as api:
        gone = [tokens["operator"], narrower["token"], narrowest["token"]]
        assert [(await api.client(one).get("/v1/me")).status_code for one in gone] == [401] * 3
        records = (await api.operator.get("/v1/audit?action=token.revoked")).json()["items"]
        told = {record["change"]["name"]: (record["actor"], record["change"]["reason"]) for record in records}
        assert told == dict.fromkeys(("admin.token", "narrower", "least"), ("system", "its file was lost"))
        assert (await api.operator.get("/v1/audit/verify")).json()["valid"]
        assert (await api.service.get("/v1/me")).status_code == 200
