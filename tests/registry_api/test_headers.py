"""Headers that every answer has, packing, other origins, and routes that go away."""

import gzip
from datetime import date

import pytest
import zstandard

from registry_api.compression import preferred
from registry_api.headers import SECURITY, cors
from registry_api.http import api_router
from registry_api.lifecycle import deprecated
from tests.registry_api.conftest import running

ORIGIN = "https://portal.example"


@pytest.mark.parametrize("path", ["/healthz", "/v1/me", "/v1/none", "/v1/plugins?x=1", "/openapi.json"])
async def test_every_answer_has_the_security_headers(api, path):
    answer = await api.acme.get(path)
    assert {name: answer.headers[name] for name, _ in SECURITY} == dict(SECURITY)
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_answers_to_writes_are_kept_nowhere(api):
    answer = await api.acme.post("/v1/tokens", json={"name": "ci", "role": "viewer"})
    assert answer.headers["cache-control"] == "no-store"


async def raw(api, path: str, accepted: str) -> tuple[bytes, dict[str, str]]:
    """The answer's bytes as sent."""
    request = api.acme.build_request("GET", path, headers={"Accept-Encoding": accepted})
    answer = await api.acme.send(request, stream=True)
    return b"".join([part async for part in answer.aiter_raw()]), dict(answer.headers)


@pytest.mark.parametrize(
    ("accepted", "encoding", "unpack"),
    [
        ("gzip", "gzip", gzip.decompress),
        ("zstd", "zstd", lambda body: zstandard.ZstdDecompressor().decompress(body)),
        ("gzip, zstd", "zstd", lambda body: zstandard.ZstdDecompressor().decompress(body)),
    ],
)
async def test_a_large_answer_is_packed_as_accepted(api, accepted, encoding, unpack):
    plain, bare = await raw(api, "/openapi.json", "identity")
    packed, headers = await raw(api, "/openapi.json", accepted)
    assert headers["content-encoding"] == encoding and headers["vary"] == "Accept-Encoding"
    assert int(headers["content-length"]) == len(packed) < len(plain) / 4
    assert unpack(packed) == plain
    assert "content-encoding" not in bare and bare["vary"] == "Accept-Encoding"


async def test_an_answer_that_nothing_changed_says_by_what_answers_differ(api):
    tag = (await api.nobody.get("/openapi.json")).headers["etag"]
    answer = await api.nobody.get("/openapi.json", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.headers["vary"]) == (304, "Accept-Encoding")


async def test_small_answers_errors_to_writes_and_files_are_not_packed(api):
    _, small = await raw(api, "/healthz", "gzip")
    assert "content-encoding" not in small
    made = await api.acme.post("/v1/plugins", json={"namespace": "acme", "name": "a", "summary": "word " * 400})
    assert len(made.content) > 1024 and "content-encoding" not in made.headers
    arrow = await api.service.get("/v1/feeds/plugins", headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert arrow.status_code == 200 and "content-encoding" not in arrow.headers


async def test_a_packed_answer_has_a_weak_tag_that_is_known_again_and_fits_if_match(api):
    body = {"namespace": "acme", "name": "a", "summary": "word " * 400}
    await api.acme.post("/v1/plugins", json=body)
    packed = await api.acme.get("/v1/plugins/acme:a", headers={"Accept-Encoding": "gzip"})
    tag = packed.headers["etag"]
    assert packed.headers["content-encoding"] == "gzip" and tag.startswith('W/"1-')
    assert (await api.acme.get("/v1/plugins/acme:a", headers={"If-None-Match": tag})).status_code == 304
    changed = await api.acme.patch("/v1/plugins/acme:a", json={"title": "A"}, headers={"If-Match": tag})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip;q=0", None),
        ("*", "zstd"),
        ("*;q=0.1, gzip;q=0.5", "gzip"),
        ("zstd;q=0.2, gzip;q=0.8", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=nonsense", None),
        ("gzip;level=1", "gzip"),
    ],
)
def test_the_encoding_is_the_one_the_caller_wants_most(accepted, encoding):
    assert preferred(accepted) == encoding


async def test_other_origins_may_do_nothing_unless_configured(api):
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in (await api.acme.get("/v1/me", headers=asked)).headers
    assert (await api.nobody.options("/v1/me", headers=asked)).status_code == 405


async def test_exactly_the_configured_origins_may_call(registry):
    settings, tokens = registry
    async with running(settings.model_copy(update={"cors_origins": (ORIGIN,)}), tokens) as api:
        asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization, if-match"}
        allowed = await api.nobody.options("/v1/me", headers={"Origin": ORIGIN, **asked})
        assert allowed.status_code == 200 and allowed.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in allowed.headers
        refused = await api.nobody.options("/v1/me", headers={"Origin": "https://portal.example.evil", **asked})
        assert "access-control-allow-origin" not in refused.headers
        answer = await api.acme.get("/v1/me", headers={"Origin": ORIGIN})
        assert "RateLimit-Policy" in answer.headers["access-control-expose-headers"]


async def test_a_page_of_a_configured_origin_may_read_what_a_fault_of_ours_says(registry):
    settings, tokens = registry
    router = api_router("broken")

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError

    async with running(settings.model_copy(update={"cors_origins": (ORIGIN,)}), tokens) as api:
        api.app.include_router(router)
        answer = await api.nobody.get("/v1/broken", headers={"Origin": ORIGIN})
        assert answer.status_code == 500 and answer.headers["access-control-allow-origin"] == ORIGIN
        other = await api.nobody.get("/v1/broken", headers={"Origin": "https://portal.example.evil"})
        assert other.status_code == 500 and "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("origin", ["*", "https://*.example", "portal.example", "https://portal.example/path"])
def test_an_origin_that_is_not_exact_is_refused_at_the_start(origin):
    with pytest.raises(ValueError, match="is not an origin"):
        cors((origin,))


async def test_a_route_that_goes_away_says_so_in_every_answer_and_in_the_document(api):
    router = api_router("old", stability="experimental")

    @router.get("/old", **deprecated(date(2026, 1, 1), date(2026, 7, 1), "/v1/new"))
    async def old() -> None:
        """Old."""

    api.app.include_router(router)
    api.app.openapi_schema = None
    for path in ("/v1/old", "/v1/old?x=1"):
        answer = await api.nobody.get(path)
        assert answer.headers["deprecation"] == "@1767225600"
        assert answer.headers["sunset"] == "Wed, 01 Jul 2026 00:00:00 GMT"
        assert answer.links["successor-version"]["url"] == "/v1/new"
    operation = (await api.nobody.get("/openapi.json")).json()["paths"]["/v1/old"]["get"]
    assert operation["deprecated"] is True and operation["x-stability"] == "experimental"
    assert operation["x-deprecation"] == {"since": "2026-01-01", "sunset": "2026-07-01", "instead": "/v1/new"}
    assert "deprecation" not in (await api.acme.get("/v1/me")).headers


def test_a_route_cannot_go_away_without_notice():
    with pytest.raises(ValueError, match="need time"):
        deprecated(date(2026, 7, 1), date(2026, 7, 1), "/v1/new")
