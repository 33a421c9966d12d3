"""What a change did to fields, as JSON Patch (RFC 6902)."""

from collections.abc import Iterator, Mapping
from typing import Any

Patch = list[dict[str, Any]]


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Patch:
    """The operations that make `after` of `before`, in order of path; none when they are equal.

    Objects are compared field by field, everything else as a whole. `replace` and `remove` keep the old value as `was`,
    a member that RFC 6902 §4 tells every applier to pass over. None stands for what is not there: what came to be is
    one `add` of the whole document (path ""), what was deleted one `remove`.
    """
    if before is None and after is None:
        return []
    if before is None:
        return [{"op": "add", "path": "", "value": after}]
    if after is None:
        return [{"op": "remove", "path": "", "was": before}]
    return list(_fields(before, after, ""))


def _fields(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[dict[str, Any]]:
    for name in sorted(before.keys() | after.keys()):
        place = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in before:
            yield {"op": "add", "path": place, "value": after[name]}
        elif name not in after:
            yield {"op": "remove", "path": place, "was": before[name]}
        else:
            yield from _values(before[name], after[name], place)


def _values(before: Any, after: Any, path: str) -> Iterator[dict[str, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _fields(before, after, path)
    elif before != after:
        yield {"op": "replace", "path": path, "value": after, "was": before}
