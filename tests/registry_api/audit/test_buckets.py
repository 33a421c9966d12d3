"""Checkpoints in a locked bucket, against somebody with the database and the registry's own S3 credentials."""

from typing import Any

import pytest

from tests.core.audit.s3_server import locked_bucket
from tests.registry_api.audit import tampering
from tests.registry_api.audit.tampering import anchored_history, checkpoint, exported, history, offline, verdict
from tests.registry_api.conftest import running

S3 = {"audit_anchors_url", "s3_endpoint", "s3_access_key", "s3_secret_key"}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with locked_bucket(tmp_path_factory.mktemp("s3")) as found:
        yield found


async def test_checkpoints_that_were_hidden_in_the_bucket_still_tell_of_records_that_are_gone(registry, bucket):
    (settings, tokens), (named, client) = registry, bucket
    update = {name: getattr(named, name) for name in S3}
    async with running(settings.model_copy(update=update), tokens) as api:
        await anchored_history(api)
        older = await tampering.stolen(api)
        await history(api, 2)
        assert (await checkpoint(api))["result"] == {"anchored": 10}
        newest = keys(client, older[0][0]["tenant_id"])[-1]
        client.put_object(Bucket="anchors", Key=newest, Body=b"another", ChecksumAlgorithm="SHA256")
        client.delete_object(Bucket="anchors", Key=newest)
        assert len(keys(client, older[0][0]["tenant_id"])) == 1
        await tampering.put_back(api, *older)
        assert (await verdict(api))["reason"] == "the chain ends at 7, but 10 records were anchored"
        assert not (await offline(api, await exported(api))).valid
        job = await checkpoint(api)
        assert (job["state"], "but 10 records were anchored" in job["last_error"]) == ("dead", True)


def keys(client: Any, tenant: Any) -> list[str]:
    """What a plain listing shows."""
    found = client.list_objects_v2(Bucket="anchors", Prefix=f"audit/{tenant}/")
    return [one["Key"] for one in found["Contents"]]
