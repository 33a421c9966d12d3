"""What the registry's shell costs: `python -m benchmarks.api [--quick]`. The last line of output is one JSON object.

Reads are those of 16 tenants over 200 public plugins of the operator, both drawn by Zipf's law (exponent 1.1): 85 of 100 a plugin, 10 its
releases, 5 what it needs. One draw of 2,000 requests is sent over and over on 16 keep-alive connections. Every request is
authenticated, scoped to its tenant, limited (by limits nobody reaches), counted and logged at INFO, as by default. Servers run
one at a time in alternating rounds, each uvicorn with h11 in one process on SQLite; figures are medians of the rounds.

- `ratio_to_bare`: rate through the document cache, each request having been sent once before, to that of a FastAPI route that does
  nothing. `cache_hit_share` says how many were answered from the cache.
- `ratio_uncached`: rate of reads of a plugin with the cache switched off, to that of a route written by hand over the same session and the
  same statements (benchmarks/bare.py).
- `p99_ms_half_load`: of the cached mix at half its measured rate, sent on schedule, from when each request was due.
- `writes_per_s`: acknowledged writes on PostgreSQL (benchmarks/api_writes.py).
- `audit_rows_per_s`, `verify_rows_per_s`: see benchmarks/audit.py.

The load comes from this process, which shares the machine's cores with the servers. `load` is the machine's load before and after.
"""

import json
import os
import random
import statistics
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

import httpx

from benchmarks import audit
from benchmarks.api_writes import writes_per_second
from benchmarks.loading import latencies, percentile, saturate, send_all
from benchmarks.serving import free_port, registry, served

TENANTS, PLUGINS, DRAWN, EXPONENT = 16, 200, 2000, 1.1
MIX = (("", 85), ("/releases", 10), ("/dependencies", 5))
UNREACHED = str(10_000_000)
Mix = Callable[[str], list[bytes]]


def main() -> None:
    """Command line."""
    parser = ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few short rounds: about a minute instead of four")
    quick = parser.parse_args().quick
    before = os.getloadavg()[0]
    result = {
        "benchmark": "api",
        **reads(3 if quick else 9, 1.0 if quick else 4.0),
        **writes_per_second(4.0 if quick else 20.0),
    }
    verified = audit.measure(10_000 if quick else 100_000)
    result |= {name: verified[name] for name in ("audit_rows_per_s", "verify_rows_per_s")}
    print(json.dumps({**result, "load": [round(before, 2), round(os.getloadavg()[0], 2)]}))


def reads(rounds: int, seconds: float) -> dict[str, object]:
    """The ratios and the latency."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        home = Path(folder)
        limits = {f"PATCHBAY_RATE_LIMIT_{name}": UNREACHED for name in ("TOKEN", "TENANT", "ADDRESS")}
        settings = {**limits, "PATCHBAY_LOG_LEVEL": "INFO"}
        log = servers.enter_context((home / "log").open("wb"))
        cached, operator = servers.enter_context(registry(home, log, **settings))
        mix = _draw(_fill(cached, operator))
        plain, _ = servers.enter_context(registry(home, log, PATCHBAY_DOCUMENT_CACHE_MB="0", **settings))
        port = free_port()
        bare = served(["-m", "benchmarks.bare", str(port)], port, "/bare", PATCHBAY_HOME=str(home))
        by_hand = servers.enter_context(bare)
        return {
            **_cached(cached, by_hand, mix, rounds, seconds),
            **_uncached(plain, by_hand, mix, rounds, seconds),
        }


def _cached(cached: str, bare: str, mix: Mix, rounds: int, seconds: float) -> dict[str, object]:
    requests = mix("/v1/plugins/")
    nothing = [request.replace(request.split(b" ")[1], b"/bare", 1) for request in requests]
    send_all(cached, requests)
    before = _outcomes(cached)
    rates = _rounds((cached, requests), (bare, nothing), rounds, seconds)
    found = {name: count - before.get(name, 0) for name, count in _outcomes(cached).items()}
    half = rates["ours"] / 2
    waited = latencies(cached, requests, half, max(seconds, 3.0))
    result = {
        "ratio_to_bare": rates["ratio"],
        "p99_ms_half_load": percentile(waited, 99),
        "p50_ms_half_load": percentile(waited, 50),
        "cached_per_s": rates["ours"],
        "bare_per_s": rates["limit"],
        "cache_hit_share": round(found.get("hit", 0) / max(1, sum(found.values())), 4),
    }
    print(f"cached: {result}", flush=True)
    return dict(result)


def _uncached(plain: str, by_hand: str, mix: Mix, rounds: int, seconds: float) -> dict[str, object]:
    ours = [request for request in mix("/v1/plugins/") if request.split(b" ")[1].count(b"/") == 3]
    theirs = [request.replace(b"/v1/plugins/", b"/plugins/", 1) for request in ours]
    for address, requests in ((plain, ours), (by_hand, theirs)):
        send_all(address, requests[:100])
    rates = _rounds((plain, ours), (by_hand, theirs), rounds, seconds)
    result = {
        "ratio_uncached": rates["ratio"],
        "uncached_per_s": rates["ours"],
        "by_hand_per_s": rates["limit"],
    }
    print(f"uncached: {result}", flush=True)
    return dict(result)


def _rounds(
    ours: tuple[str, list[bytes]], limit: tuple[str, list[bytes]], rounds: int, seconds: float
) -> dict[str, float]:
    """Rates of both in turns, so that whatever else the machine does slows both alike; the ratio is the median of the rounds'."""
    pairs = [(saturate(*ours, seconds), saturate(*limit, seconds)) for _ in range(rounds)]
    return {
        "ours": round(statistics.median(pair[0] for pair in pairs), 1),
        "limit": round(statistics.median(pair[1] for pair in pairs), 1),
        "ratio": round(statistics.median(pair[0] / pair[1] for pair in pairs), 3),
    }


def _fill(address: str, operator: str) -> list[str]:
    """The operator's plugins, each of which needs the next, and tokens of the tenants."""
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {operator}"}, timeout=60) as client:
        plugins = [_plugin(number) for number in range(PLUGINS)]
        client.post("/v1/catalogue/batches", json={"plugins": plugins}).raise_for_status()
        client.get(f"/v1/plugins/bench:p{PLUGINS - 1}").raise_for_status()
        made = [client.post("/v1/tenants", json={"slug": f"t{n}", "name": f"T{n}"}) for n in range(TENANTS)]
        return [str(answer.raise_for_status().json()["token"]) for answer in made]


def _plugin(number: int) -> dict[str, object]:
    needs = [{"ref": f"bench:p{(number + 1) % PLUGINS}", "requirement": "^1"}]
    releases = [{"version": f"1.{minor}.0", "dependencies": needs} for minor in range(3)]
    described = {"title": f"Plugin {number}", "summary": "Does what plugins do.", "labels": ["build", f"l{number % 7}"]}
    return {"namespace": "bench", "name": f"p{number}", "visibility": "public", "releases": releases, **described}


def _draw(tokens: list[str]) -> Mix:
    """The draw, made of requests below a prefix."""
    chance = random.Random(4)
    tenants, plugins = (chance.choices(range(n), cum_weights=_zipf(n), k=DRAWN) for n in (len(tokens), PLUGINS))
    parts = chance.choices([part for part, _ in MIX], weights=[weight for _, weight in MIX], k=DRAWN)

    def requests(prefix: str) -> list[bytes]:
        return [
            f"GET {prefix}bench:p{plugin}{part} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {tokens[tenant]}\r\n\r\n".encode()
            for tenant, plugin, part in zip(tenants, plugins, parts, strict=True)
        ]

    return requests


def _zipf(count: int) -> list[float]:
    return list(accumulate(1 / place**EXPONENT for place in range(1, count + 1)))


def _outcomes(address: str) -> dict[str, float]:
    lines = [line for line in httpx.get(f"{address}/metrics").text.splitlines() if "document_cache_total{" in line]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


if __name__ == "__main__":
    main()
