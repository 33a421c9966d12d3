"""People for tests: accounts, and callers that are signed in."""

from typing import Any

import httpx

PASSWORD = "correct horse battery"


async def add_person(api: Any, caller: httpx.AsyncClient, email: str, **fields: Any) -> dict[str, Any]:
    """An account with `PASSWORD`, made by `caller`."""
    wanted = {"email": email, "display_name": email.split("@")[0], "password": PASSWORD, "role": "viewer", **fields}
    answer = await caller.post("/v1/users", json=wanted)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def sign_in(api: Any, email: str, password: str = PASSWORD, **fields: Any) -> httpx.AsyncClient:
    """A caller with a session of its own."""
    answer = await api.nobody.post("/v1/sessions", json={"email": email, "password": password, **fields})
    assert answer.status_code == 201, answer.text
    return api.client(answer.json()["token"])
