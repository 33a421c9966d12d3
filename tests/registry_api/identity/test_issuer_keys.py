"""Keys of CI issuers: asked for alike whoever is named, and taken from a set that holds others too."""

import json
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from jwt.algorithms import RSAAlgorithm

from registry_api.identity.publishing import keys as keys_module
from registry_api.identity.publishing.keys import IssuerKeys
from tests.registry_api.identity.test_trusted_publishing import exchange, issuer, refused, trust, trusting

__all__ = ["issuer", "trusting"]
NAMED = ("acme", "globex", "nowhere")
"""A tenant that trusts the issuer, one that does not, and none."""


@pytest.fixture
def fetched(monkeypatch):
    """Places that were asked for keys."""
    seen, real = [], keys_module._get
    monkeypatch.setattr(keys_module, "_get", lambda place: seen.append(place) or real(place))
    return seen


async def test_the_keys_of_an_issuer_are_fetched_whatever_tenant_is_named(trusting, issuer, fetched):
    api = trusting
    await trust(api.acme, issuer)
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    forged = jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "any"})
    for token in (forged, issuer.token(repository_id="1")):
        told = set()
        for tenant in NAMED:
            api.app.state.issuer_keys = IssuerKeys((urlsplit(issuer.url).netloc,))
            told.add((await refused(api, token, tenant), len(fetched)))
            fetched.clear()
        assert len(told) == 1 and told.pop()[1] == 2


async def test_an_issuers_outage_is_told_whatever_tenant_is_named(api, issuer):
    await trust(api.acme, issuer)
    answers = [await exchange(api, issuer.token(), tenant) for tenant in NAMED]
    assert {(answer.status_code, answer.json()["detail"]) for answer in answers} == {(503, answers[0].json()["detail"])}


def odd_keys():
    """Keys that a set may hold and that sign no token here."""
    private = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True)
    public = {name: private[name] for name in ("kty", "n", "e")}
    agreed = jwt.utils.base64url_encode(x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    return {
        "private": private,
        "for encryption": public | {"alg": "RSA-OAEP", "use": "enc"},
        "for agreement": {"kty": "OKP", "crv": "X25519", "x": agreed},
        "of no algorithm": public | {"alg": "none"},
        "of a list": public | {"alg": ["RS256"]},
        "of a curve to come": {"kty": "EC", "crv": "P-999", "x": agreed, "y": agreed},
        "cut off": {"kty": "RSA", "n": "!"},
        "of a kind to come": {"kty": "AKP", "alg": "ML-DSA-44"},
    }


async def test_keys_that_cannot_be_read_are_passed_over_and_the_others_used(trusting, issuer, monkeypatch):
    api, odd, real = trusting, odd_keys(), keys_module._get

    async def with_odd_ones(place):
        found = json.loads(await real(place))
        if "keys" in found:
            found["keys"] = [*({"kid": name, **key} for name, key in odd.items()), "text", {}, *found["keys"]]
        return json.dumps(found).encode()

    monkeypatch.setattr(keys_module, "_get", with_odd_ones)
    await trust(api.acme, issuer)
    assert (await exchange(api, issuer.token())).status_code == 201
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    own = rsa.generate_private_key(65537, 2048)
    for name in odd:
        await refused(api, jwt.encode(claims, own, "RS256", headers={"kid": name}))


@pytest.mark.parametrize("keys", [None, 5, {"a": "b"}])
async def test_a_set_that_is_no_list_holds_no_keys(trusting, issuer, monkeypatch, keys):
    api, real = trusting, keys_module._get

    async def without_a_list(place):
        found = json.loads(await real(place))
        return json.dumps({**found, "keys": keys} if "keys" in found else found).encode()

    monkeypatch.setattr(keys_module, "_get", without_a_list)
    await trust(api.acme, issuer)
    await refused(api, issuer.token())
