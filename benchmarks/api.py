"""Requests per second of the registry API's routes beside a bare FastAPI route: `python -m benchmarks.api [--quick]`."""

import json
import tempfile
from argparse import ArgumentParser
from pathlib import Path

import httpx

from benchmarks.serving import free_port, load, registry, served

PLUGINS = 500


def main() -> None:
    """Command line; the last line of output is one JSON object."""
    parser = ArgumentParser(prog="python -m benchmarks.api", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one second a route instead of five")
    print(json.dumps(measure(1.0 if parser.parse_args().quick else 5.0)))


def measure(seconds: float) -> dict[str, object]:
    """Each route by itself on one server process, with what share of the bare route's rate it reaches."""
    port = free_port()
    with served(["-m", "benchmarks.bare", str(port)], port, "/bare") as address:
        bare = load(_request("GET", "/bare"), address, seconds)
    print(f"bare FastAPI route: {bare}", flush=True)
    routes = {}
    with tempfile.TemporaryDirectory() as folder, registry(Path(folder)) as (address, token):
        _fill(address, token)
        for name, request in _requests(token).items():
            figures = load(request, address, seconds)
            share = round(figures["requests_per_second"] / bare["requests_per_second"], 3)
            routes[name] = {**figures, "share_of_bare": share}
            print(f"{name}: {routes[name]}", flush=True)
    return {"benchmark": "api", "database": "sqlite", "plugins": PLUGINS, "bare": bare, "routes": routes}


def _requests(token: str) -> dict[str, bytes]:
    target = json.dumps({"targets": [{"name": "t", "environment": "dev", "kind": "bench"}]}).encode()
    return {
        "GET /healthz": _request("GET", "/healthz"),
        "GET /v1/me": _request("GET", "/v1/me", token),
        "GET /v1/plugins/{plugin}": _request("GET", "/v1/plugins/bench:p250", token),
        "GET /v1/plugins?limit=50": _request("GET", "/v1/plugins?limit=50", token),
        "POST /v1/targets/batches": _request("POST", "/v1/targets/batches", token, target),
    }


def _request(method: str, path: str, token: str | None = None, body: bytes = b"") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: bench"]
    if token:
        head.append(f"Authorization: Bearer {token}")
    if body:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def _fill(address: str, token: str) -> None:
    plugins = [
        {"namespace": "bench", "name": f"p{number}", "releases": [{"version": "1.0.0"}]} for number in range(PLUGINS)
    ]
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{address}/v1/catalogue/batches", json={"plugins": plugins}, headers=headers, timeout=60)
    answer.raise_for_status()


if __name__ == "__main__":
    main()
