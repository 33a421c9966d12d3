"""Counts of outside registries take the same way as usage, with rules of their own."""

from typing import Any

import pyarrow as pa
import pytest

from tests.registry_api.intake_data import ARROW, accepted, feed, fill, lines, post, send, stored, stream

PATH = "/v1/statistics/batches"


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


def count(number: int, **fields: Any) -> dict[str, Any]:
    """A good monthly count."""
    base = {
        "plugin": "jenkins:git",
        "period": "2023-06-01",
        "grain": "month",
        "metric": "installs",
        "count": number,
        "source": "infra",
    }
    return {**base, **fields}


async def test_counts_are_stored_with_the_plugins_id(api: Any) -> None:
    result = await accepted(api.operator, lines(count(5), count(7, version="1.0.0")), path=PATH)
    assert (result["stream"], result["accepted"]) == ("statistics", 2)
    known = (await api.acme.get("/v1/plugins/jenkins:git")).json()["id"]
    assert [(row["plugin_id"], row["version"], row["count"]) for row in await stored(api, "statistics")] == [
        (known, None, 5),
        (known, "1.0.0", 7),
    ]


async def test_of_two_counts_for_one_key_the_later_stands(api: Any) -> None:
    result = await accepted(api.operator, lines(count(5), count(6), count(7, source="other")), path=PATH)
    assert (result["accepted"], result["duplicates"]) == (2, 1)
    assert sorted(row["count"] for row in await stored(api, "statistics")) == [6, 7]


async def test_bad_counts_are_refused_row_by_row(api: Any) -> None:
    bad = [
        (count(1, plugin="jenkins:gone"), "plugin", "unknown_plugin"),
        (count(1, period="2999-01-01"), "period", "future_time"),
        (count(1, period="1999-01-01"), "period", "impossible_time"),
        (count(1, period="2023-06"), "period", "invalid_date"),
        (count(1, period="2023-06-15"), "period", "not_first_day"),
        (count(1, grain="week"), "grain", "not_in_list"),
        (count(1, metric="stars"), "metric", "not_in_list"),
        (count(-1), "count", "negative"),
        ({name: value for name, value in count(1).items() if name != "source"}, "source", "missing_field"),
        (count(1, at="2023-06-01"), "at", "unknown_field"),
    ]
    result = await accepted(api.operator, lines(*(row for row, _, _ in bad), count(1)), path=PATH)
    assert [(row["row_index"], row["field"], row["code"]) for row in result["rejects"]] == [
        (place, field, code) for place, (_, field, code) in enumerate(bad)
    ]
    assert result["accepted"] == 1


async def test_arrow_dates_are_read_and_those_no_calendar_holds_are_refused(api: Any) -> None:
    rows = [count(1), count(2), count(3)]
    table = pa.Table.from_pylist(rows)
    days = pa.array([19509, 2**31 - 1, -(2**31)], pa.int32()).view(pa.date32())
    body = stream(table.set_column(table.schema.get_field_index("period"), "period", days))
    result = await accepted(api.operator, body, path=PATH, kind=ARROW)
    assert [(row["row_index"], row["field"]) for row in result["rejects"]] == [(1, "period"), (2, "period")]


async def test_the_feed_gives_the_span_of_the_periods(api: Any) -> None:
    await accepted(api.operator, lines(count(1), count(1, period="2008-12-01")), path=PATH)
    row = (await feed(api.service, "segments"))[0]
    assert (row["stream"], row["min_at"][:10], row["max_at"][:10]) == ("statistics", "2008-12-01", "2023-06-01")


async def test_merged_statistics_keep_the_later_count(api: Any) -> None:
    for place, number in enumerate((5, 6)):
        await accepted(api.operator, lines(count(number)), str(place), path=PATH)
    await post(
        api.operator,
        "/v1/jobs",
        202,
        kind="usage.compact",
        payload={"include_today": True, "stream": "statistics"},
    )
    await api.drain_jobs()
    rows = sorted(await stored(api, "statistics"), key=lambda row: row["row_index"])
    assert [row["count"] for row in rows] == [5, 6]


async def test_usage_and_statistics_keys_do_not_meet_and_the_ledger_asks_which(api: Any) -> None:
    await accepted(api.operator, lines(count(1)), "same", path=PATH)
    await accepted(api.operator, lines(count(1, bad=1)), "same")
    answer = await api.operator.get("/v1/intake/batches/same")
    assert answer.status_code == 409 and answer.json()["type"].endswith("ambiguous_batch")
    assert (await api.operator.get("/v1/intake/batches/same", params={"stream": "usage"})).json()["rejected"] == 1


async def test_writing_needs_the_scope(api: Any) -> None:
    author = api.client(await api.token(api.acme, role="author"))
    assert (await send(author, lines(count(1)), path=PATH)).status_code == 403
