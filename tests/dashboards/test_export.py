"""Exports: the whole answer, said to be what it is, streamed."""

import csv
import io
import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import httpx
import polars as pl
import pyarrow.parquet as pq
import pytest

from dashboards.app import create_app
from patchbay.core.settings import Settings
from tests.dashboards import world
from tests.dashboards.conftest import PASSWORD, TENANTS, Desk, serving
from warehouse.snapshots import FOLDER

LogIn = Callable[[str], httpx.Client]


def test_csv_and_parquet_hold_the_same_full_answer(log_in: LogIn) -> None:
    client = log_in("acme")
    query = "at=/plugins&sort=name"
    table = pl.read_csv(io.BytesIO(client.get(f"/export/marketplace-plugins.csv?{query}").content))
    parquet = pl.read_parquet(io.BytesIO(client.get(f"/export/marketplace-plugins.parquet?{query}").content))
    assert table["ref"].to_list() == parquet["ref"].to_list()
    assert set(table["ref"]) == {f"jenkins:{name}" for name in world.PLUGINS}


def test_an_export_has_the_filters_of_its_page_in_content_name_and_metadata(log_in: LogIn) -> None:
    answer = log_in("acme").get("/export/marketplace-plugins.parquet?at=/plugins&label=scm")
    told = pq.read_metadata(io.BytesIO(answer.content)).metadata
    assert set(pl.read_parquet(io.BytesIO(answer.content))["name"]) == {"git", "docker"}
    assert "label-scm" in answer.headers["content-disposition"]
    assert (told[b"patchbay.filter.label"], told[b"patchbay.snapshot_id"]) == (b"scm", b"snapshot-first")
    assert b"$label" in told[b"patchbay.sql"]
    assert json.loads(told[b"patchbay.params"])["label"] == "scm"


def test_checks_can_be_exported_though_they_are_not_a_table(log_in: LogIn) -> None:
    table = pl.read_csv(io.BytesIO(log_in("acme").get("/export/quality-checks.csv?at=/quality").content))
    assert table["status"].to_list() == ["failed", "passed", "passed", "passed"]


def test_an_empty_answer_is_a_file_with_its_header(log_in: LogIn) -> None:
    assert log_in("acme").get("/export/targets-list.csv?at=/targets&q=nothing").text.startswith('"name"')


@pytest.mark.parametrize(
    "path",
    [
        "nothing.csv?at=/",
        "overview-uses.xlsx?at=/",
        "overview-uses.csv?at=/plugins",
        "system-ready.csv?at=/system",
        "overview-uses.csv?at=//evil",
    ],
)
def test_what_cannot_be_exported_is_not_found(log_in: LogIn, path: str) -> None:
    assert log_in("acme").get(f"/export/{path}").status_code == 404


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_run_is_quoted_in_csv_and_kept_in_parquet(
    tmp_path: Path, desk: Desk, text: str
) -> None:
    world.publish(tmp_path, TENANTS)
    with duckdb.connect(str(tmp_path / FOLDER / "first" / f"{TENANTS.acme}.duckdb")) as connection:
        connection.execute("UPDATE dim_target SET title = ? WHERE target_id = 't3'", [text])
    with serving(create_app(Settings(home=tmp_path), desk).server) as url, httpx.Client(base_url=url) as client:
        client.post("/login", data={"email": "ada@acme.example", "password": PASSWORD})
        saved = client.get("/export/targets-list.csv?at=/targets").text
        exact = pl.read_parquet(io.BytesIO(client.get("/export/targets-list.parquet?at=/targets").content))
    titles = [row["title"] for row in csv.DictReader(io.StringIO(saved, newline=""))]
    assert set(titles) == {"", "'" + text}
    assert set(exact["title"]) == {None, text}


def test_a_file_name_holds_no_path_and_no_quote(log_in: LogIn) -> None:
    answer = log_in("acme").get('/export/targets-list.csv?at=/targets&q=../"a;b')
    assert answer.headers["content-disposition"].count('"') == 2
    assert "/" not in answer.headers["content-disposition"]


@pytest.mark.slow
def test_a_million_rows_stream_in_little_memory_and_leave_nothing_behind(
    tmp_path: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish(tmp_path, TENANTS)
    with duckdb.connect(str(tmp_path / FOLDER / "first" / f"{TENANTS.acme}.duckdb")) as connection:
        connection.execute(
            "INSERT INTO mart_adoption SELECT ?, 'p' || range % 5, DATE '2023-01-01' + CAST(range % 1400 AS INT), "
            "range, 1, 1, 2 FROM range(1000000)",
            [TENANTS.acme],
        )
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spool))
    with (
        serving(create_app(Settings(home=tmp_path), desk).server) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        client.post("/login", data={"email": "ada@acme.example", "password": PASSWORD})
        client.get("/export/adoption-detail.csv?at=/adoption&plugin=jenkins:git")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        lines = 0
        with client.stream("GET", "/export/adoption-detail.csv?at=/adoption&period=all") as answer:
            for chunk in answer.iter_bytes():
                lines += chunk.count(b"\n")
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert lines > 1_000_000
    assert grown < 300, f"{grown:.0f} MiB"
    assert not list(spool.iterdir())
    shutil.rmtree(tmp_path / FOLDER)
