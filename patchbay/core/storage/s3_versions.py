"""Keys of an S3 bucket by their versions: a key is told for as long as one version is kept, also under a delete marker."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from urllib.parse import quote, urlencode, urlsplit
from xml.etree.ElementTree import Element, ParseError, fromstring

import httpx
import obstore
from obstore.store import S3Store

from patchbay.core.client.paths import is_loopback
from patchbay.core.settings import Settings
from patchbay.core.storage.errors import StorageUnavailable
from patchbay.core.storage.s3 import reporting, s3_config

SIGNED_FOR = timedelta(minutes=5)
PAGE = 1000
"""Versions in an answer; S3 gives no more."""


def keys_of_versions(settings: Settings, bucket: str, prefix: str, after: str) -> Iterator[str]:
    """The keys with that prefix that sort behind `after` and have a version, each once, in order; a request a thousand versions.

    Raises `StorageUnavailable`, also for a store that cannot list versions.
    """
    marker, last = {"key-marker": after}, ""
    host = urlsplit(settings.s3_endpoint or "").hostname or ""
    client = _client(trust_env=not is_loopback(host))
    while marker:
        asked = {"prefix": prefix, "max-keys": str(PAGE), **marker}
        page = _page(client, signed_listing(settings, bucket, asked), prefix)
        for key in (version.findtext("{*}Key", "") for version in page.iterfind("{*}Version")):
            if key != last:
                yield key
            last = key
        marker = _next(page)


def signed_listing(settings: Settings, bucket: str, query: dict[str, str]) -> str:
    """A URL that lists versions for some minutes, signed with whatever credentials obstore finds.

    obstore lists no versions and signs the URLs of objects only. So the query stands in what it takes for the endpoint, and
    what it takes for an object's path is the value of `x-id`, where Amazon's own clients put an operation's name.
    """
    endpoint = (settings.s3_endpoint or f"https://s3.{settings.s3_region}.amazonaws.com").rstrip("/")
    asked = urlencode({"versions": "", **query, "x-id": ""}, quote_via=quote, safe="")
    config = s3_config(settings)
    config |= {"endpoint": f"{endpoint}/{bucket}?{asked}", "virtual_hosted_style_request": True}
    plain_http = endpoint.startswith("http://")
    with reporting(bucket):
        store = S3Store(bucket, config=config, client_options={"allow_http": plain_http})
        return obstore.sign(store, "GET", "ListObjectVersions", SIGNED_FOR)


@cache
def _client(*, trust_env: bool) -> httpx.Client:
    """One for the process: a listing each minute and tenant would make a connection each."""
    return httpx.Client(timeout=60, trust_env=trust_env)


def _page(client: httpx.Client, url: str, prefix: str) -> Element:
    try:
        answer = client.get(url)
        if answer.is_error:  # httpx's own error would tell the signed address
            raise OSError(f"its versions cannot be listed: {answer.status_code} {answer.reason_phrase}")
        return fromstring(answer.content)  # noqa: S314 - the store's own word
    except (httpx.HTTPError, OSError, ParseError) as error:
        raise StorageUnavailable(prefix, error) from error


def _next(page: Element) -> dict[str, str]:
    """Where the next page begins; nothing after the last."""
    if page.findtext("{*}IsTruncated") != "true":
        return {}
    names = {"key-marker": "NextKeyMarker", "version-id-marker": "NextVersionIdMarker"}
    return {name: page.findtext(f"{{*}}{element}", "") for name, element in names.items()}
