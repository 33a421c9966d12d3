"""What senders get wrong: each fault is answered with the row, the field, a stable code and a reason, and good rows are kept."""

import gzip
import io
import json
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from tests.registry_api.intake_data import (
    ARROW,
    accepted,
    ago,
    event,
    fill,
    items,
    lines,
    reject,
    send,
    stored,
    stream,
)


@pytest.fixture
def backend() -> str:
    """Rows are judged before any database is asked, so one of the two is enough here."""
    return "sqlite"


@pytest.fixture(autouse=True)
async def _filled(api: Any) -> None:
    await fill(api)


async def test_an_unknown_field_refuses_its_row_and_hints_at_the_right_name(api: Any) -> None:
    found = await reject(api.acme, lines(event("1"), {**event("2"), "plugn": "x"}))
    assert (found["row_index"], found["field"], found["code"]) == (1, "plugn", "unknown_field")
    assert "Did you mean plugin?" in found["reason"]


async def test_wrong_types_refuse_their_rows_and_are_never_coerced(api: Any) -> None:
    wrong = [
        ("id", 7),
        ("plugin", ["jenkins:git"]),
        ("plugin", {"a": 1}),
        ("version", 1.5),
        ("target", True),
        ("duration_ms", "fast"),
        ("quantity", 1.5),
        ("quantity", "2"),
        ("score", False),
        ("memory_bytes", 10**30),
    ]
    rows = [json.dumps({**event(f"bad{place}"), field: value}) for place, (field, value) in enumerate(wrong)]
    result = await accepted(api.acme, lines(*rows, event("good")))
    assert faults(result) == [(place, field, "wrong_type") for place, (field, _) in enumerate(wrong)]
    assert result["accepted"] == 1


async def test_whole_numbers_written_with_a_point_are_whole_numbers(api: Any) -> None:
    await accepted(
        api.acme, lines('{"id":"1","type":"use","at":"' + ago(minutes=1) + '","plugin":"jenkins:git","quantity":3.0}')
    )
    assert [row["quantity"] for row in await stored(api)] == [3]


async def test_missing_fields_refuse_their_rows(api: Any) -> None:
    fields = ["id", "type", "at", "plugin"]
    result = await accepted(
        api.acme, lines(*(event(f"bad{field}", **{field: None}) for field in fields), event("good"))
    )
    assert faults(result) == [(place, field, "missing_field") for place, field in enumerate(fields)]


async def test_search_events_need_no_plugin(api: Any) -> None:
    result = await accepted(api.acme, lines(event("1", type="search", plugin=None, version=None)))
    assert result["accepted"] == 1


async def test_times_that_cannot_be_are_refused(api: Any) -> None:
    times = [
        (ago(days=-1), "future_time"),
        ("1970-01-01T00:00:00Z", "impossible_time"),
        ("0001-01-01T00:00:00Z", "impossible_time"),
        ("2026-05-01T12:00:00", "missing_zone"),
        ("2026-13-45T12:00:00Z", "invalid_timestamp"),
        ("99999-01-01T00:00:00Z", "invalid_timestamp"),
        ("yesterday", "invalid_timestamp"),
    ]
    result = await accepted(
        api.acme, lines(*(event(f"e{place}", at=at) for place, (at, _) in enumerate(times)), event("good"))
    )
    assert faults(result) == [(place, "at", code) for place, (_, code) in enumerate(times)]


async def test_impossible_times_in_arrow_are_refused_in_every_unit(api: Any) -> None:
    for unit in ("s", "ms", "us", "ns"):
        times = pa.array([0, 2**62, None], pa.timestamp(unit, "UTC"))
        body = stream(pa.table({"id": ["1", "2", "3"], "type": ["search"] * 3, "at": times}))
        result = await accepted(api.acme, body, unit, kind=ARROW)
        assert result["accepted"] == 0 and [fault[1] for fault in faults(result)] == ["at"] * 3


async def test_a_clock_a_few_minutes_ahead_is_forgiven(api: Any) -> None:
    assert (await accepted(api.acme, lines(event("1", at=ago(minutes=-4)))))["accepted"] == 1


async def test_json_has_no_nan(api: Any) -> None:
    row = '{"id":"2","type":"use","at":"2026-05-01T12:00:00Z","plugin":"jenkins:git","duration_ms":%s}'
    result = await accepted(api.acme, lines(*(row % text for text in ("NaN", "Infinity", "-Infinity")), event("good")))
    assert faults(result) == [(place, "", "not_finite") for place in range(3)]


async def test_nan_in_arrow_refuses_its_row(api: Any) -> None:
    values = [float("nan"), float("inf"), float("-inf"), 1.0]
    table = pa.Table.from_pylist([event(str(place), duration_ms=value) for place, value in enumerate(values)])
    result = await accepted(api.acme, stream(with_times(table)), kind=ARROW)
    assert faults(result) == [(place, "duration_ms", "not_finite") for place in range(3)]


async def test_values_outside_their_bounds_are_refused(api: Any) -> None:
    bad = [
        ("duration_ms", -1, "negative"),
        ("duration_ms", 1.7e308, "out_of_range"),
        ("duration_ms", 1.1e12, "out_of_range"),
        ("memory_bytes", -1, "negative"),
        ("cost", "-0.5", "negative"),
        ("cost", "cheap", "invalid_decimal"),
        ("cost", "1234567890123", "invalid_decimal"),
        ("quantity", 0, "out_of_range"),
        ("score", 6, "out_of_range"),
        ("cpu_percent", 1e9, "out_of_range"),
        ("type", "usage", "not_in_list"),
        ("environment", "prod", "not_in_list"),
        ("outcome", "fine", "not_in_list"),
    ]
    rows = [event(f"e{place}", **{field: value}) for place, (field, value, _) in enumerate(bad)]
    result = await accepted(api.acme, lines(*rows, event("good")))
    assert faults(result) == [(place, field, code) for place, (field, _, code) in enumerate(bad)]


async def test_long_strings_refuse_their_rows_and_are_not_stored(api: Any) -> None:
    for field in ("id", "plugin", "error_code"):
        found = await reject(api.acme, lines(event("1"), event("2", **{field: "x" * 1_000_000})), key=field)
        assert (found["row_index"], found["field"], found["code"]) == (1, field, "too_long")
        kept = await items(api.acme, f"/v1/intake/batches/{field}/rejects")
        assert len(kept[0]["row"]) <= 500 and len(kept[0]["reason"]) < 300


async def test_a_string_of_ten_megabytes_costs_its_row_and_no_other(api: Any) -> None:
    result = await accepted(api.acme, lines(event("1"), event("2", error_code="x" * 10_000_000), event("3")))
    assert (result["accepted"], [(row["row_index"], row["code"]) for row in result["rejects"]]) == (
        2,
        [(1, "too_long")],
    )
    assert (await items(api.acme, "/v1/intake/batches/batch/rejects"))[0]["row"] is None, "it is not kept"


async def test_every_text_has_a_limit(api: Any) -> None:
    fields = ["id", "plugin", "version", "target", "person", "session", "error_code"]
    result = await accepted(
        api.acme, lines(*(event(f"e{n}", **{f: "é" * 1001}) for n, f in enumerate(fields)), event("good"))
    )
    assert faults(result) == [(place, field, "too_long") for place, field in enumerate(fields)]


async def test_invalid_utf8_refuses_its_line_only(api: Any) -> None:
    found = await reject(api.acme, lines(event("1"), b'{"id":"2\xff","type":"use"}', event("3")))
    assert (found["row_index"], found["code"]) == (1, "invalid_utf8")
    assert "0xff" in found["reason"]


async def test_invalid_utf8_in_arrow_refuses_its_row_only(api: Any) -> None:
    table = with_times(pa.Table.from_pylist([event("1"), event("2"), event("3")]))
    raw = pa.array([b"1.0.0", b"\xff\xfe", b"1.0.0"], pa.binary()).view(pa.string())
    body = stream(table.set_column(table.schema.get_field_index("version"), "version", raw))
    found = await reject(api.acme, body, kind=ARROW)
    assert (found["row_index"], found["field"], found["code"]) == (1, "version", "invalid_utf8")


async def test_lines_that_are_no_object_refuse_themselves_only(api: Any) -> None:
    bad = [
        ('{"id": "2", "type": ', "malformed_json"),
        ('{"id":"2"} trailing', "malformed_json"),
        ("{'id': '2'}", "malformed_json"),
        ('{"id":"\\ud800"}', "malformed_json"),
        ("[1, 2]", "not_an_object"),
        ("null", "not_an_object"),
        ('"text"', "not_an_object"),
    ]
    result = await accepted(api.acme, lines(*(line for line, _ in bad), event("1"), event("2")))
    assert faults(result) == [(place, "", code) for place, (_, code) in enumerate(bad)]
    assert len(await stored(api)) == 2


async def test_escaped_and_foreign_text_arrives_as_it_was_meant(api: Any) -> None:
    rows = [
        r'{"id":"1","type":"search","at":"2026-05-01T12:00:00Z","session":"caf\u00e9 \ud83d\ude00 \n\""}',
        event("2", session="naïve 日本"),
    ]
    await accepted(api.acme, lines(*rows))
    assert {row["session"] for row in await stored(api)} == {'café 😀 \n"', "naïve 日本"}


async def test_blank_lines_do_not_count(api: Any) -> None:
    found = await reject(api.acme, b"\n" + lines(event("1"), b"", b"  \r", event("2", type="x")) + b"\n\n")
    assert found["row_index"] == 1


async def test_an_empty_batch_is_refused_whole(api: Any) -> None:
    for body in (b"", b"\n \n"):
        answer = await send(api.acme, body)
        assert answer.status_code == 400 and answer.json()["type"].endswith("empty_batch")


async def test_an_arrow_stream_without_rows_is_an_empty_batch(api: Any) -> None:
    answer = await send(api.acme, stream(with_times(pa.Table.from_pylist([event("1")])).slice(0, 0)), kind=ARROW)
    assert answer.status_code == 400 and answer.json()["type"].endswith("empty_batch")


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
async def test_truncated_compression_is_refused_whole_and_nothing_is_kept(api: Any, encoding: str, pack: Any) -> None:
    whole = pack(lines(*(event(str(n)) for n in range(200))))
    answer = await send(api.acme, whole[: len(whole) // 2], content_encoding=encoding)
    assert answer.status_code == 400 and answer.json()["type"].endswith("truncated_body")
    assert (await accepted(api.acme, whole, content_encoding=encoding))["accepted"] == 200


async def test_a_truncated_arrow_stream_is_refused_whole(api: Any) -> None:
    body = stream(with_times(pa.Table.from_pylist([event("1")])))
    answer = await send(api.acme, body[: len(body) // 2], kind=ARROW)
    assert answer.status_code == 400 and answer.json()["type"].endswith("unreadable_body")


async def test_wrong_arrow_columns_are_each_named(api: Any) -> None:
    table = pa.table(
        {"id": [1], "at": pa.array([0], pa.timestamp("us")), "plugn": ["x"], "type": ["use"], "quantity": ["1"]}
    )
    answer = await send(api.acme, stream(table), kind=ARROW)
    assert answer.status_code == 400 and answer.json()["type"].endswith("wrong_columns")
    found = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
    assert found == {"/id": "wrong_type", "/at": "missing_zone", "/plugn": "unknown_column", "/quantity": "wrong_type"}


async def test_a_missing_arrow_column_is_named(api: Any) -> None:
    answer = await send(api.acme, stream(pa.table({"id": ["1"], "type": ["use"]})), kind=ARROW)
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/at"}


async def test_a_repeated_event_is_counted_and_the_first_stands(api: Any) -> None:
    result = await accepted(api.acme, lines(event("1", quantity=1), event("1", quantity=2), event("2")))
    assert (result["received"], result["accepted"], result["duplicates"]) == (3, 2, 1)
    assert {row["event_id"]: row["quantity"] for row in await stored(api)} == {"1": 1, "2": 1}


async def test_an_unknown_plugin_or_target_refuses_its_row(api: Any) -> None:
    bad = lines(event("1", plugin="jenkins:gti"), event("2", target="nowhere"), event("3", target="t1"))
    result = await accepted(api.acme, bad)
    assert [(row["row_index"], row["code"]) for row in result["rejects"]] == [
        (0, "unknown_plugin"),
        (1, "unknown_target"),
    ]


async def test_an_unknown_version_is_kept_without_a_release(api: Any) -> None:
    await accepted(api.acme, lines(event("1", version="9.9.9"), event("2")))
    rows = {row["event_id"]: row for row in await stored(api)}
    assert rows["1"]["release_id"] is None and rows["1"]["version"] == "9.9.9"
    assert rows["2"]["release_id"] is not None


async def test_a_row_is_shown_as_received_but_never_with_its_person(api: Any) -> None:
    await accepted(api.acme, lines(event("1", type="x", person="ada@example.org"), '{"person": "bob@example.org", '))
    kept = await items(api.acme, "/v1/intake/batches/batch/rejects")
    assert [row["row_index"] for row in kept] == [0, 1]
    assert '"id":"1"' in kept[0]["row"]
    assert "example.org" not in kept[0]["row"] and kept[1]["row"] is None, "what is no JSON object is not kept"


async def test_a_person_of_a_wrong_type_or_under_an_escaped_name_is_not_kept_either(api: Any) -> None:
    rows = ['{"id":"1","person":4711}', '{"id":"2","person":["ada@x"]}', r'{"id":"3","p\u0065rson":"ada@x"}']
    deep = '{"id":"4","plugin":' + "[" * 400 + "]" * 400 + "}"
    await accepted(api.acme, lines(*rows, deep, '["ada@x"]', event("good")))
    kept = [row["row"] for row in await items(api.acme, "/v1/intake/batches/batch/rejects")]
    assert kept == ['{"id":"1"}', '{"id":"2"}', '{"id":"3"}', None, None]


async def test_more_rows_than_a_batch_may_have_are_refused_however_few_bytes_they_take(api: Any) -> None:
    many = 1_000_001
    nulls = pa.table({name: pa.nulls(many) for name in ("id", "type", "at")})
    for kind, body in (("application/x-ndjson", b"1\n" * many), (ARROW, stream(nulls))):
        answer = await send(api.acme, body, kind=kind)
        assert answer.status_code == 413 and "1,000,000 rows" in answer.json()["detail"]


@pytest.mark.parametrize("kind", [pa.dictionary(pa.int32(), pa.string()), pa.string_view()], ids=["dictionary", "view"])
async def test_text_held_once_and_named_very_often_is_refused_before_it_is_written_out(api: Any, kind: Any) -> None:
    rows = 300_000
    if pa.types.is_dictionary(kind):
        long = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * 1_000_000])
    else:
        view = (1_000_000).to_bytes(4, "little") + b"xxxx" + bytes(8)
        buffers = [None, pa.py_buffer(view * rows), pa.py_buffer(b"x" * 1_000_000)]
        long = pa.Array.from_buffers(kind, rows, buffers)
    body = stream(pa.table({"id": long, "type": pa.nulls(rows), "at": pa.nulls(rows)}))
    answer = await send(api.acme, body, kind=ARROW)
    assert answer.status_code == 413 and "text comes to more than" in answer.json()["detail"]


@pytest.mark.parametrize("packing", ["zstd", "lz4"])
@pytest.mark.parametrize("coded", [False, True], ids=["plain", "dictionary"])
async def test_arrows_own_compression_is_refused_with_the_way_out(api: Any, packing: str, coded: bool) -> None:
    table = with_times(pa.Table.from_pylist([event(str(n)) for n in range(100)]))
    if coded:
        table = table.set_column(0, "id", table.column("id").dictionary_encode())
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=packing)) as writer:
        writer.write_table(table)
    answer = await send(api.acme, sink.getvalue(), kind=ARROW)
    assert answer.status_code == 400 and "Content-Encoding: zstd" in answer.json()["detail"]
    good = await accepted(api.acme, zstandard.compress(stream(table)), kind=ARROW, content_encoding="zstd")
    assert good["accepted"] == 100


async def test_a_body_over_the_limit_is_refused(api: Any) -> None:
    answer = await send(api.acme, gzip.compress(b" " * (api.settings.max_body_bytes + 1)), content_encoding="gzip")
    assert answer.status_code == 413


async def test_another_content_type_is_refused(api: Any) -> None:
    answer = await send(api.acme, b"id,type\n", kind="text/csv")
    assert answer.status_code == 415


def faults(result: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Row, field and code of every reject."""
    return [(row["row_index"], row["field"], row["code"]) for row in result["rejects"]]


def with_times(table: pa.Table) -> pa.Table:
    """The table with its `at` column as timestamps."""
    times = pa.array(
        [datetime.fromisoformat(text) for text in table.column("at").to_pylist()], pa.timestamp("us", "UTC")
    )
    return table.set_column(table.schema.get_field_index("at"), "at", times)
