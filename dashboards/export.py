"""Exports: the full answer of a card as CSV or Parquet, read in batches and streamed from a temporary file."""

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from pyarrow import parquet as pq
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from dashboards.kit.page import Call, Card, Glance, Scope, Source
from dashboards.queries.question import Question
from dashboards.registry import Refused, Route, Unreachable
from dashboards.render import Place, Renderer
from dashboards.session import current_viewer
from warehouse.read import NoSnapshot, Snapshot

MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
CHUNK = 1 << 18


class Exports:
    """`GET /export/{card}.{kind}?at=<path>&<filters>`: the card's question under the viewer's own snapshot."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    async def download(self, request: Request) -> Response:
        """The file. 404 when the card is not at that path, has no routes or nothing is published, and for unknown kinds;
        403 and 503 as the API refuses or does not answer.
        """
        card_id, kind = request.path_params["card"], request.path_params["kind"]
        pathname = request.query_params.get("at", "/")
        search = "&".join(part for part in request.url.query.split("&") if not part.startswith("at="))
        place = await asyncio.to_thread(self._renderer.place, current_viewer.get(), pathname, search, None)
        asked = self._renderer.asked(place, card_id) if place else None
        if place is None or asked is None or kind not in MEDIA:
            return JSONResponse({"error": "no_such_export"}, status_code=404)
        try:
            file = await asyncio.to_thread(self._write, place, asked[1], kind)
        except NoSnapshot:
            return JSONResponse({"error": "nothing_published"}, status_code=404)
        except LookupError:
            return JSONResponse({"error": "no_such_export"}, status_code=404)
        except Refused as refusal:
            return JSONResponse({"error": "refused", "detail": str(refusal)}, status_code=403)
        except Unreachable:
            return JSONResponse({"error": "registry_unreachable"}, status_code=503)
        return streamed(file, file_name(asked[0], place.scope, kind), MEDIA[kind])

    def _write(self, place: Place, source: Source, kind: str) -> Path:
        with tempfile.NamedTemporaryFile(prefix="patchbay-export-", suffix=f".{kind}", delete=False) as made:
            path = Path(made.name)
        try:
            with self._reading(place, source) as (reader, told):
                write(reader, path, kind, told)
        except BaseException:
            path.unlink()
            raise
        return path

    @contextmanager
    def _reading(self, place: Place, source: Source) -> Iterator[tuple[pa.RecordBatchReader, dict[str, str]]]:
        """The whole answer, batch by batch, and what it says of itself. LookupError for a call that reads no route."""
        scope = place.scope
        if isinstance(source, Call):
            frame, access = self._renderer.called(place, source)
            if not access.read:
                raise LookupError(source.name)
            routes = [asked.text for asked in access.read if isinstance(asked, Route)]
            yield (
                frame.to_arrow().to_reader(),
                notes(scope, source, access.snapshot) | {"patchbay.routes": "\n".join(routes)},
            )
            return
        snapshot = self._renderer.sources.data.open(scope.viewer)
        with answer(source, snapshot) as reader:
            yield reader, notes(scope, source, snapshot)


def notes(scope: Scope, source: Source, snapshot: Snapshot | None) -> dict[str, str]:
    """What a Parquet file says of itself in its key-value metadata: question, filters, snapshot."""
    told = {"title": source.title, "path": scope.pathname}
    if snapshot:
        told |= {"snapshot_id": snapshot.snapshot_id, "published_at": snapshot.published_at.isoformat()}
    if isinstance(source, Question):
        told |= {"sql": source.text, "params": json.dumps(dict(source.params))}
    chosen = {f"filter.{name}": value for name, value in scope.pick.values.items() if value}
    return {f"patchbay.{name}": value for name, value in (told | chosen).items()}


@contextmanager
def answer(source: Question | Glance, snapshot: Snapshot) -> Iterator[pa.RecordBatchReader]:
    """The whole answer, batch by batch."""
    if isinstance(source, Glance):
        yield source.read(snapshot).to_arrow().to_reader()
    else:
        with snapshot.reading(source.text, dict(source.params)) as reader:
            yield reader


def write(reader: pa.RecordBatchReader, path: Path, kind: str, told: dict[str, str]) -> None:
    """All batches into one file; an empty answer is a file with its header or schema. A CSV is safe to open anywhere."""
    writer: Any = (
        csv.CSVWriter(path, reader.schema)
        if kind == "csv"
        else pq.ParquetWriter(path, reader.schema.with_metadata(told), compression="zstd")
    )
    with writer:
        for batch in reader:
            writer.write_batch(harmless(batch) if kind == "csv" else batch)


def harmless(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with `'` before texts that a spreadsheet would run as a formula; only they begin with `= + - @`."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            texts = batch.column(index)
            risky = pc.match_substring_regex(texts, r"\A[=+\-@\t\r]")
            if pc.any(risky).as_py():
                quoted = pc.binary_join_element_wise(pa.scalar("'", field.type), texts, pa.scalar("", field.type))
                batch = batch.set_column(index, field, pc.if_else(risky, quoted, texts))
    return batch


def streamed(file: Path, name: str, media: str) -> Response:
    """A download of a file that is unlinked at once, so that nothing is left behind however the transfer ends."""
    size = file.stat().st_size
    source = file.open("rb")
    file.unlink()

    def chunks() -> Iterator[bytes]:
        with source:
            while chunk := source.read(CHUNK):
                yield chunk

    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(size)}
    return StreamingResponse(chunks(), media_type=media, headers=headers)


def file_name(card: Card, scope: Scope, kind: str) -> str:
    """Card, path, filters and day, so that a saved file still says what it is."""
    parts = ["patchbay", card.id, *scope.path.values()]
    parts += [f"{name}-{value}" for name, value in scope.pick.values.items() if value]
    plain = "_".join(re.sub(r"[^A-Za-z0-9.-]+", "-", part).strip("-") for part in parts)
    return f"{plain[:150]}_{scope.now:%Y%m%d}.{kind}"
