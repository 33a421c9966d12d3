"""What the registry is told of where a request comes from: as proxies write it, and nothing that makes no sense."""

import pytest

from dashboards.forwarding import hops


@pytest.mark.parametrize(
    ("heard", "came", "told"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "198.51.100.7, 192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9, 198.51.100.7", "10.0.0.2"], "203.0.113.9, 198.51.100.7, 10.0.0.2, 192.0.2.1"),
        ("192.0.2.1", ["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2, 192.0.2.1"),
        ("192.0.2.1", ["h\xf6st"], "192.0.2.1"),
        ("192.0.2.1", ["fe80::1%\xf6"], "192.0.2.1"),
        ("fe80::1%eth0", ["198.51.100.7"], "198.51.100.7, fe80::1"),
        ("192.0.2.1", ["198.51.100.7," * 99 + "198.51.100.8"], "198.51.100.7, " * 14 + "198.51.100.8, 192.0.2.1"),
        ("2001:db8::1", [""], "2001:db8::1"),
        ("testclient", ["198.51.100.7"], ""),
        (None, ["198.51.100.7"], ""),
    ],
)
def test_whom_we_heard_from_is_appended_to_what_came(heard: str | None, came: list[str], told: str) -> None:
    lines = [(b"x-forwarded-for", line.encode("latin-1")) for line in came]
    assert hops({"type": "http", "client": heard and (heard, 1), "headers": lines}) == told
