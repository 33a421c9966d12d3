"""`python -m registry_api`: a real server process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest


@pytest.fixture
def server(tmp_path):
    """A server on a free port: its process, address and log file."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PATCHBAY_HOME": str(tmp_path / "home"), "PATCHBAY_API_PORT": str(port)}
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen([sys.executable, "-m", "registry_api"], env=environment, stderr=log)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                break
        except httpx.TransportError:
            assert process.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.1)
    yield process, address, tmp_path
    if process.poll() is None:
        process.kill()
    process.wait()
    log.close()


def test_a_server_sets_itself_up_serves_logs_json_and_stops_in_time(server):
    process, address, folder = server
    token = (folder / "home/secrets/admin.token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "X-Request-Id": "from-the-test"}
    assert httpx.get(f"{address}/v1/me", headers=headers).json()["role"] == "platform_admin"
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=10)
    assert time.monotonic() - started < 5
    text = (folder / "log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    (request,) = [line for line in lines if line.get("request_id") == "from-the-test"]
    assert (request["route"], request["status"], request["method"]) == ("/v1/me", 200, "GET")
    assert token not in text


def test_a_request_head_without_an_end_is_refused_before_it_fills_the_memory(server):
    _, address, _ = server
    with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), timeout=10) as caller:
        answer = b""
        try:
            caller.sendall(b"GET /healthz HTTP/1.1\r\nX-Endless: " + b"a" * 2_000_000)
            answer = caller.recv(100)
        except (ConnectionResetError, BrokenPipeError):
            pass  # refused while we were still sending, which may cost us the answer
    assert answer[:12] in (b"", b"HTTP/1.1 400")
    assert httpx.get(f"{address}/healthz").status_code == 200
