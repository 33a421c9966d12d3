"""The client's documents: the API document's schemas as TypedDicts, one module for each of its parts."""

import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from patchbay.core.settings import Settings
from registry_api.app import create_app

SHARED = "common"
REFERENCE = re.compile(r'#/components/schemas/([^"]+)"')
SHORTENED = ("View", "Out")
"""Endings that tell the registry's own classes apart; a client has only the documents."""
PACKAGED = re.compile(r"Page_|BatchResult$|RejectedRow$|StoredReject$|.*Part$")
"""What has no document of its own: pages are iterated, results of batches are classes of the client, and parts of answers are
whole ones that lack keys.
"""
OPTIONS = (
    "--input-file-type=openapi",
    "--output-model-type=typing.TypedDict",
    "--target-python-version=3.11",
    "--enum-field-as-literal=all",
    "--formatters=ruff-format",
    "--use-schema-description",
    "--use-single-line-docstring",
    "--use-standard-collections",
    "--use-union-operator",
    "--treat-dot-as-module",
    "--disable-timestamp",
)


def document() -> dict[str, Any]:
    """The API document as it is served."""
    return create_app(Settings(home=Path("/nonexistent"))).openapi()


def modules() -> dict[str, str]:
    """Sources by file name; `__init__.py` has every name."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "openapi.json"), Path(folder, "documents")
        schemas, taken = _named(document())
        source.write_text(json.dumps({"openapi": "3.1.0", "paths": {}, "components": {"schemas": schemas}}))
        command = [
            sys.executable,
            "-m",
            "datamodel_code_generator",
            f"--input={source}",
            f"--output={target}",
            *OPTIONS,
        ]
        subprocess.run(command, check=True, capture_output=True, text=True)
        made = {file.name: file.read_text() for file in sorted(target.glob("*.py")) if file.stem != "__init__"}
    return {name: _introduced(name, text) for name, text in made.items()} | {"__init__.py": _door(taken)}


def _named(api: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The schemas under dotted names, which the generator makes modules of, and the names in each module."""
    schemas = api["components"]["schemas"]
    full = {name: f"{part}.{_short(name, schemas)}" for name, part in _parts(api) if not PACKAGED.match(name)}
    taken: dict[str, list[str]] = defaultdict(list)
    for dotted in sorted(full.values()):
        taken[dotted.partition(".")[0]].append(dotted.partition(".")[2])
    kept = {full[name]: _opened(schemas[name]) for name in sorted(full)}
    text = REFERENCE.sub(lambda found: f'#/components/schemas/{full[found[1]]}"', json.dumps(kept))
    return json.loads(text), taken


def _short(name: str, schemas: Mapping[str, Any]) -> str:
    if name.startswith("Some_"):
        return name.replace("_", "")
    for ending in SHORTENED:
        if name.endswith(ending) and name.removesuffix(ending) not in schemas:
            return name.removesuffix(ending)
    return name


def _opened(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without `additionalProperties: false`: closed TypedDicts (PEP 728) are not for Python 3.11."""
    return {key: value for key, value in schema.items() if (key, value) != ("additionalProperties", False)}


def _parts(api: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each schema with the part of the API that alone uses it, or the shared one."""
    users: dict[str, set[str]] = defaultdict(set)
    schemas = api["components"]["schemas"]
    for operation in (operation for methods in api["paths"].values() for operation in methods.values()):
        for name in _reached({"of": [operation.get("requestBody"), operation["responses"]]}, schemas):
            users[name].update(operation["tags"])
    for name, tags in users.items():
        yield name, next(iter(tags)) if len(tags) == 1 else SHARED


def _reached(node: Any, schemas: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = set(REFERENCE.findall(json.dumps(node)))
    while waiting:
        found |= waiting
        waiting = {name for one in waiting for name in REFERENCE.findall(json.dumps(schemas[one]))} - found
    return found


def _introduced(name: str, text: str) -> str:
    """A module with a docstring in place of the generator's comment."""
    body = re.sub(r"\A(#[^\n]*\n|\n)+", "", text)
    about = "several parts" if name == f"{SHARED}.py" else name.removesuffix(".py")
    return f'"""Documents of {about}. Made by `make client` from the API document."""\n\n{body}'


def _door(taken: Mapping[str, list[str]]) -> str:
    imports = "".join(
        f"from patchbay.core.client.documents.{part} import {', '.join(taken[part])}\n" for part in sorted(taken)
    )
    names = "".join(f"    {json.dumps(name)},\n" for name in sorted(name for names in taken.values() for name in names))
    about = "What the registry answers and takes, as TypedDicts: dictionaries with known keys"
    return f'"""{about}. Made by `make client` from the API document."""\n\n{imports}\n__all__ = [\n{names}]\n'
