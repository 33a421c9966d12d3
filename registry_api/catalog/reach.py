"""Where a caller may change the catalogue. The repositories ask, so that no way of writing can forget to."""

from collections.abc import Callable
from typing import TypeVar

from registry_api.catalog.errors import NamespaceNotGranted
from registry_api.db import Scope
from registry_api.intake.documents import Outcome

D = TypeVar("D")


def require_reach(scope: Scope, ref: str) -> None:
    """Raises `NamespaceNotGranted` unless the scope may change the plugin of that ref."""
    if not scope.reaches(ref):
        raise NamespaceNotGranted(_reason(scope, ref))


def within_reach(
    scope: Scope, documents: list[tuple[int, D]], ref: Callable[[D], str], outcome: Outcome, pointer: str
) -> list[tuple[int, D]]:
    """The documents about plugins that the scope may change; the others are refused, each by itself.

    `pointer` is the field to blame, with `{index}` for the document's place.
    """
    kept = []
    for index, document in documents:
        if scope.reaches(ref(document)):
            kept.append((index, document))
        else:
            reason = _reason(scope, ref(document))
            outcome.refuse(index, pointer.format(index=index), "namespace_not_granted", reason, document)
    return kept


def _reason(scope: Scope, ref: str) -> str:
    mine = ", ".join(sorted(scope.namespaces or ())) or "nothing"
    return f"{ref[:401]} is outside of what was granted to you ({mine}); ask a tenant_admin for a namespace grant."
