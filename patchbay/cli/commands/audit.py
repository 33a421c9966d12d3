"""`patchbay audit`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from patchbay.cli.commands.options import Home, Tenant, Url

if TYPE_CHECKING:
    from patchbay.core.audit.export import ExportedChain

T = TypeVar("T")
app = typer.Typer(help="Export the audit log, and verify it without the registry.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="A file that `patchbay audit export` wrote.", exists=True, dir_okay=False)]
PublicKey = Annotated[str | None, typer.Option(help="The key to trust, as `patchbay audit key` printed it.")]
NeededKey = Annotated[str, typer.Option(help="The key to trust, as `patchbay audit key` printed it.")]
Anchors = Annotated[
    Path | None,
    typer.Option(
        help="Folder of checkpoints kept outside of the database, or a copy of the bucket of them.",
        exists=True,
        file_okay=False,
    ),
]


@app.command()
def key(tenant: Tenant = None, home: Home = None, url: Url = None) -> None:
    """Print the public key that audit checkpoints are verified with. Keep it where the registry's keepers cannot change it.

    Example:

        patchbay audit key
    """
    from patchbay.cli import output
    from patchbay.cli.reaching import reach

    with reach(home=home, url=url, tenant=tenant) as client:
        output.answers.print(client.audit_key()["verifier_key"], soft_wrap=True)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write it; must not be there yet.")],
    tenant: Tenant = None,
    home: Home = None,
    url: Url = None,
) -> None:
    """Write a tenant's audit log with its checkpoints into one file.

    Example:

        patchbay audit export acme.audit --tenant acme
    """
    from patchbay.cli import output
    from patchbay.cli.files import new_file
    from patchbay.cli.reaching import reach

    with reach(home=home, url=url, tenant=tenant) as client, new_file(file) as sink:
        client.export_audit(sink)
    output.say(f"wrote {file.stat().st_size:,} bytes to {file}; verify them with: patchbay audit verify {file}")


@app.command()
def verify(file: File, anchors: Anchors = None, public_key: PublicKey = None) -> None:
    """Verify an exported audit log: every link, and with a key every checkpoint. Needs no registry and no database.

    Ends with 1 where the log is not whole, where the key is that of another tenant's log, and where a key is given but no
    checkpoint came with the log. Without --public-key a log that was rewritten from end to end looks right.

    Example:

        patchbay audit verify acme.audit --anchors var/anchors --public-key patchbay.dev/audit/…
    """
    from patchbay.cli import output
    from patchbay.cli.errors import CommandError, UsageError
    from patchbay.core.audit.verify import verify_export

    if anchors is not None and public_key is None:
        raise UsageError("--anchors needs --public-key: a checkpoint says nothing without the key that signed it")
    with file.open("rb") as source:
        chain = _opened(source)
        tenant = chain.header.tenant
        trusted = None if public_key is None else _trusted(public_key, tenant)
        verdict = _told(verify_export, chain, _kept(anchors, tenant), trusted)
    if not verdict.valid:
        raise CommandError(f"{file} is NOT whole at record {verdict.broken_at}: {verdict.reason}")
    if trusted is not None and not verdict.anchored:
        _unanchored(file, verdict.records)
    figures = f"{verdict.records:,} records, {verdict.checkpoints:,} checkpoints checked"
    output.answers.print(f"{file} is whole: {figures}, tenant {tenant}", soft_wrap=True)
    if later := verdict.records - verdict.anchored:
        why = "no key was given" if trusted is None else "they came after the newest checkpoint"
        output.say(f"{later:,} records rest on the chain alone, since {why}: those after {verdict.anchored:,}")


@app.command()
def prove(
    file: File,
    public_key: NeededKey,
    record: Annotated[int | None, typer.Option(help="Prove that this record is in the log.", min=1)] = None,
    since: Annotated[int | None, typer.Option(help="Prove that the checkpoint of so many records still holds.")] = None,
    anchors: Anchors = None,
) -> None:
    """Print a proof that stands alone, after having checked it: that a record is in the log that the newest checkpoint
    signs, or that an older checkpoint is the beginning of the newest.

    Examples:

        patchbay audit prove acme.audit --public-key … --record 17 > proof.json

        patchbay audit prove acme.audit --public-key … --since 1000 > proof.json
    """
    import json

    from patchbay.cli.errors import CommandError, UsageError
    from patchbay.core.audit.proofs import fault_in

    if (record is None) == (since is None):
        raise UsageError("give either --record or --since")
    with file.open("rb") as source:
        chain = _opened(source)
        trusted = _trusted(public_key, chain.header.tenant)
        proof = _proof(chain, trusted, record, since, anchors)
    fault = fault_in(proof, trusted)
    if fault is not None:
        raise CommandError(f"there is no such proof: {fault}")
    typer.echo(json.dumps(proof, ensure_ascii=False))


@app.command()
def check(
    proof: Annotated[Path, typer.Argument(help="A proof that `patchbay audit prove` printed.", exists=True)],
    public_key: NeededKey,
) -> None:
    """Check a proof with nothing but the public key.

    Example:

        patchbay audit check proof.json --public-key patchbay.dev/audit/…
    """
    import json

    from patchbay.cli import output
    from patchbay.cli.errors import CommandError
    from patchbay.core.audit.proofs import claim_of, fault_in

    said: dict[str, Any] = _told(json.loads, proof.read_text())
    fault = _told(fault_in, said, _trusted(public_key))
    if fault is not None:
        raise CommandError(f"the proof does NOT hold: {fault}")
    _trusted(public_key, said["tenant"])
    output.answers.print(f"the proof holds: {claim_of(said)}", soft_wrap=True)


def _proof(
    chain: "ExportedChain", trusted: bytes, record: int | None, since: int | None, anchors: Path | None
) -> dict[str, Any]:
    from patchbay.core.audit.proofs import prove_consistency, prove_inclusion

    tenant = chain.header.tenant
    signed = _by_size([*chain.notes, *_kept(anchors, tenant)], tenant, trusted)
    leaves, found = _leaves(chain, record)
    size = max((size for size in signed if size <= len(leaves)), default=0)
    if size < (record or since or 0):
        _missing(f"the newest checkpoint that the file reaches covers {size} records")
    covered = leaves[:size]
    if record is not None:
        return prove_inclusion(tenant, covered, found, record, signed[size])
    if since not in signed:
        _missing(f"there is no checkpoint of {since} records, only of {', '.join(map(str, sorted(signed))) or 'none'}")
    return prove_consistency(tenant, covered, int(since), signed[since], signed[size])


def _leaves(chain: "ExportedChain", wanted: int | None) -> tuple[list[bytes], bytes]:
    """The leaf of every record, and the bytes of the one that is wanted."""
    from patchbay.core.audit.merkle import leaf_hash

    leaves: list[bytes] = []
    found, rows = b"", chain.records()
    while (stretch := _told(next, rows, None)) is not None:
        place = (wanted or 0) - len(leaves) - 1
        found = stretch[place][0] if 0 <= place < len(stretch) else found
        leaves += [leaf_hash(canonical) for canonical, _ in stretch]
    return leaves, found


def _by_size(notes: list[str], tenant: str, trusted: bytes) -> dict[int, str]:
    from patchbay.core.audit.notes import opened, origin_of

    return {_told(opened, note, origin_of(tenant), trusted).size: note for note in notes}


def _kept(anchors: Path | None, tenant: str) -> list[str]:
    """The tenant's checkpoints in a folder; raises CommandError where it has none of them."""
    from patchbay.core.audit.anchors import notes_below

    found = [] if anchors is None else notes_below(anchors, tenant)
    if anchors is not None and not found:
        _missing(f"{anchors} has no checkpoint of the tenant {tenant}, whose log this is")
    return found


def _unanchored(file: Path, records: int) -> NoReturn:
    if not records:
        _missing(f"{file} has no record, and a registry's log always has: the tenant's creation is the first")
    _missing(
        f"{file} is NOT shown to be whole: its {records:,} records fit each other, but no checkpoint came with them, so "
        "nothing tells them from rewritten ones. Of a tenant younger than its first checkpoint, export again in a minute; "
        "else ask where its checkpoints are"
    )


def _missing(what: str) -> NoReturn:
    from patchbay.cli.errors import CommandError

    raise CommandError(what)


def _opened(source: Any) -> "ExportedChain":
    from patchbay.core.audit.export import ExportedChain

    return _told(ExportedChain, source)


def _trusted(public_key: str, tenant: str | None = None) -> bytes:
    """The bytes of the key; raises CommandError where it names the log of another tenant than this."""
    from patchbay.cli.errors import UsageError
    from patchbay.core.audit.notes import log_of, origin_of, public_key_of

    try:
        trusted = public_key_of(public_key)
    except ValueError as error:
        raise UsageError(str(error)) from None
    named = log_of(public_key)
    if tenant is not None and named not in (None, origin_of(tenant)):
        _missing(f"this is of the tenant {tenant}, but the key is that of the log {named}")
    return trusted


def _told(call: Callable[..., T], *arguments: Any) -> T:
    """The answer; what a file holds that cannot be used is told in one line."""
    from patchbay.cli.errors import CommandError

    try:
        return call(*arguments)
    except ValueError as error:
        raise CommandError(str(error)) from error
