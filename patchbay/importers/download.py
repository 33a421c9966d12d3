"""One bounded download over HTTP."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

_MOST_REDIRECTS = 5
_PIECE = 1 << 16


def download(url: str, most_bytes: int, failure: type[Exception]) -> bytes:
    """The body of a URL, as it was sent.

    Raises `failure` with one line when it cannot be had, redirects more than five times, away from HTTP, or is larger
    than `most_bytes`.
    """
    try:
        with httpx.Client(timeout=30, trust_env=not _is_loopback(url)) as http:
            for _ in range(_MOST_REDIRECTS + 1):
                with http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
                    if not answer.has_redirect_location:
                        return _body(answer, url, most_bytes, failure)
                    url = _next(answer, failure)
    except httpx.HTTPError as error:
        raise failure(f"{url}: {type(error).__name__}: {' '.join(str(error).split())}") from error
    raise failure(f"{url}: more than {_MOST_REDIRECTS} redirects")


def _next(answer: httpx.Response, failure: type[Exception]) -> str:
    target = answer.url.join(answer.headers["Location"])
    if target.scheme not in {"http", "https"}:
        raise failure(f"{answer.url}: redirects to {target.scheme}, which is not followed")
    return str(target)


def _body(answer: httpx.Response, url: str, most_bytes: int, failure: type[Exception]) -> bytes:
    if answer.status_code != httpx.codes.OK:
        raise failure(f"{url}: HTTP {answer.status_code} {answer.reason_phrase}")
    body = bytearray()
    for piece in answer.iter_raw(_PIECE):
        body += piece
        if len(body) > most_bytes:
            raise failure(f"{url}: is larger than {most_bytes:,} bytes")
    return bytes(body)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
