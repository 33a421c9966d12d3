"""`patchbay usage`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.cli.asking import asks, group

if TYPE_CHECKING:
    from patchbay.core.client import Client

app = group("Usage events.")


@asks(app, "send")
def send(
    client: "Client",
    file: Annotated[
        Path,
        typer.Argument(
            help="NDJSON or Arrow (.ndjson, .arrow), maybe packed (.gz, .zst).", exists=True, dir_okay=False
        ),
    ],
    batch_id: Annotated[
        str | None, typer.Option(help="Names the content for ever; default its SHA-256.", show_default=False)
    ] = None,
) -> Any:
    """Send a file of usage events as one batch. Sending it again changes nothing. Ends with 1 where rows were refused.

    Example:

        patchbay usage send events.ndjson.zst
    """
    import dataclasses
    import hashlib

    from patchbay.cli import output
    from patchbay.cli.errors import CommandError

    with file.open("rb") as source:
        key = batch_id or f"sha256:{hashlib.file_digest(source, 'sha256').hexdigest()}"
    with output.progress() as tell:
        result = client.post_usage(key, file, progress=lambda done, total: tell("bytes", done, total))
    for reject in result.rejects[:10]:
        output.say(f"row {reject.row_index}: {reject.field}: {reject.code}: {reject.reason}")
    if result.rejected:
        raise CommandError(f"{result.rejected:,} of {result.received:,} rows were refused; the others are kept")
    return {name: value for name, value in dataclasses.asdict(result).items() if name != "rejects"}
