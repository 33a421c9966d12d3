"""A client that a standard generator makes from the API document does what the API does."""

import importlib
import json
import subprocess
import sys
from types import ModuleType
from typing import Any

import httpx
import pyarrow as pa
import pytest

from patchbay.core.clock import utcnow
from tests.registry_api.conftest import BASE
from tests.registry_api.intake_data import plugin, stream
from tests.registry_api.test_document import DOCUMENT, OPERATIONS

BYTES = (
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
    "application/x-ndjson",
    "application/yaml",
    "application/zstd",
    "text/html",
)
CONFIG = "content_type_overrides:\n" + "".join(f"  {kind}: application/octet-stream\n" for kind in BYTES)
"""The generator knows these forms as bytes only, and has to be told so."""


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """The generator's output and the package it made."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_text(json.dumps(DOCUMENT))
    (folder / "config.yaml").write_text(CONFIG)
    options = ["--path", "openapi.json", "--config", "config.yaml", "--meta", "none", "--output-path", "patchbay_made"]
    command = [sys.executable, "-m", "openapi_python_client", "generate", *options]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    sys.path.insert(0, str(folder))
    yield made.stdout + made.stderr, importlib.import_module("patchbay_made"), folder / "patchbay_made"
    sys.path.remove(str(folder))


def part(name: str) -> ModuleType:
    return importlib.import_module(f"patchbay_made.{name}")


def test_every_route_is_generated_and_nothing_is_left_out(generated):
    said, _, folder = generated
    assert "WARNING" not in said and "omitted" not in said, said
    modules = {file.stem for file in (folder / "api").glob("*/*.py")} - {"__init__"}
    assert modules == set(OPERATIONS)


async def test_it_publishes_lists_and_reads(api, generated):
    _, package, _ = generated
    models = part("models")
    transport = httpx.ASGITransport(api.app)
    client = package.AuthenticatedClient(BASE, token=api.tokens["acme"], httpx_args={"transport": transport})

    async def call(route: str, *arguments: Any, **named: Any) -> Any:
        return await part(f"api.catalog.{route}").asyncio_detailed(*arguments, client=client, **named)

    document = models.PluginDocument(namespace="acme", name="git", summary="Git")
    made = await call("post_plugin", body=document, idempotency_key="first")
    assert made.status_code == 201 and made.parsed.ref == "acme:git"
    again = await call("post_plugin", body=document, idempotency_key="first")
    assert again.parsed == made.parsed and again.headers["idempotency-replayed"] == "true"
    release = await call("post_release", "acme:git", body=models.ReleaseDocument(version="1.0.0"))
    assert release.status_code == 201 and release.parsed.version == "1.0.0"
    listed = await call("list_plugins", namespace="acme")
    assert [item.name for item in listed.parsed.items] == ["git"] and listed.parsed.next_ is None
    chosen = models.ListPluginsFieldsItem
    parts = await call("list_plugins", namestartswith="GI", fields=[chosen.REF, chosen.LABELS])
    assert isinstance(parts.parsed, models.PagePluginListedPart)
    assert [item.to_dict() for item in parts.parsed.items] == [{"ref": "acme:git", "labels": []}]
    read = await call("read_plugin", "acme:git")
    assert read.parsed.latest_version == "1.0.0" and read.parsed.recorded_at == made.parsed.recorded_at
    changed = await call(
        "patch_plugin", "acme:git", body=models.PluginPatch(title="Git"), if_match=read.headers["etag"]
    )
    assert changed.parsed.title == "Git" and changed.parsed.revision == 2


async def test_it_sends_usage_as_arrow_and_reads_problems(api, generated):
    _, package, _ = generated
    client = package.AuthenticatedClient(
        BASE, token=api.tokens["acme"], httpx_args={"transport": httpx.ASGITransport(api.app)}
    )
    await api.acme.post("/v1/plugins", json=plugin("git", "1.0.0"))
    events = {"id": ["e1", "e2"], "type": ["use"] * 2, "at": [utcnow()] * 2, "plugin": ["jenkins:git"] * 2}
    body = part("types").File(payload=stream(pa.table(events)))
    usage = part("api.usage.post_usage_batch")
    sent = await usage.asyncio_detailed(client=client, body=body, idempotency_key="batch-1")
    assert (sent.status_code, sent.parsed.accepted) == (201, 2)
    missing = await part("api.catalog.read_plugin").asyncio_detailed("acme:none", client=client)
    assert missing.parsed.type_.endswith("/problems/not_found") and missing.parsed.status == 404
    refused = await part("api.catalog.list_plugins").asyncio_detailed(client=client, limit=0)
    assert refused.parsed.errors[0].pointer == "limit"
