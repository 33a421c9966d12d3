"""Proofs that stand alone: a record is in the log, and one checkpoint is the beginning of another."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from patchbay.core.audit.merkle import consistency_path, inclusion_path, is_consistent, leaf_hash, root_by_inclusion
from patchbay.core.audit.notes import BadCheckpoint, Checkpoint, opened, origin_of, read

Proof = dict[str, Any]


def prove_inclusion(tenant: str, leaves: Sequence[bytes], canonical: bytes, position: int, note: str) -> Proof:
    """That a record stands at a position (from 1) of the log that a checkpoint signs; `leaves` are those it covers."""
    path = inclusion_path(leaves, position - 1)
    record = canonical.decode()
    said = {"kind": "inclusion", "tenant": tenant, "position": position, "record": record}
    return said | {"path": _encoded(path), "checkpoint": note}


def prove_consistency(tenant: str, leaves: Sequence[bytes], old_size: int, old_note: str, note: str) -> Proof:
    """That the log of an older checkpoint is the beginning of that of a newer one, which covers `leaves`."""
    path = consistency_path(leaves, old_size)
    said: Proof = {"kind": "consistency", "tenant": tenant, "path": _encoded(path)}
    return said | {"old_checkpoint": old_note, "checkpoint": note}


def fault_in(proof: Mapping[str, Any], public_key: bytes) -> str | None:
    """What is wrong with a proof; None when it holds under the key. Raises ValueError when it is no proof."""
    try:
        path = [base64.b64decode(step, validate=True) for step in proof["path"]]
        origin = origin_of(proof["tenant"])
        newer = opened(proof["checkpoint"], origin, public_key)
        if proof["kind"] == "inclusion":
            return _inclusion_fault(proof, path, newer)
        older = opened(proof["old_checkpoint"], origin, public_key)
    except BadCheckpoint as error:
        return f"a checkpoint cannot be relied on: {error}"
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("this is no proof of an audit log") from error
    holds = is_consistent(older.size, older.root, newer.size, newer.root, path)
    return None if holds else "the older checkpoint is not the beginning of the newer one"


def claim_of(proof: Mapping[str, Any]) -> str:
    """What a proof says that holds: of which tenant, about which record or size, and in a log of which size."""
    origin = origin_of(proof["tenant"])
    size = read(proof["checkpoint"], origin).size
    if proof["kind"] == "inclusion":
        return f"record {int(proof['position']):,} is in the log of tenant {proof['tenant']}, of {size:,} records"
    older = read(proof["old_checkpoint"], origin).size
    return f"the first {older:,} records of tenant {proof['tenant']} are the beginning of its log of {size:,}"


def _inclusion_fault(proof: Mapping[str, Any], path: list[bytes], newer: Checkpoint) -> str | None:
    leaf = leaf_hash(proof["record"].encode())
    root = root_by_inclusion(int(proof["position"]) - 1, newer.size, leaf, path)
    return None if root == newer.root else "the record does not stand there in the log that was signed"


def _encoded(path: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(step).decode() for step in path]
