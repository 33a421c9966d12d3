"""The client's calls about grants, against a real registry."""

from pathlib import Path

import pytest

from patchbay.core.client import ApiError, Client
from tests.pipelines.registry import client, serving


def test_a_plugin_is_shared_changed_found_declined_and_revoked_through_the_client(tmp_path: Path):
    with serving(tmp_path / "home") as settings, client(settings) as operator:
        made = operator.post("/v1/tenants", {"slug": "globex", "name": "Globex"})
        document = {"namespace": "n", "name": "own", "visibility": "shared"}
        operator.post("/v1/plugins", document)
        with Client(settings.api_url, made["token"], timeout=60) as globex:
            [grant] = operator.share("n:own", [made["tenant"]["id"]], scope="install")
            assert [one["id"] for one in globex.received_grants()] == [grant["id"]]
            assert globex.plugin("n:own")["visibility"] == "shared"
            changed = operator.change_grant("n:own", grant["id"], scope="read")
            assert (changed["scope"], changed["revision"]) == ("read", grant["revision"] + 1)
            globex.decline_grant(grant["id"])
            with pytest.raises(ApiError, match="There is no plugin"):
                globex.plugin("n:own")
            [again] = operator.share("n:own", [made["tenant"]["id"]])
            operator.revoke_grant("n:own", again["id"])
            assert [one["state"] for one in operator.grants("n:own")] == ["revoked", "declined"]
            assert operator.grant("n:own", grant["id"])["state"] == "declined"
