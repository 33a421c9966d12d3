"""Examples in the API document: what a route answers, made from its schema, so that none lacks one or has a false one."""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
DEEPEST = 6
METHODS = frozenset({"get", "post", "put", "patch", "delete"})
JSON = "application/json"

BY_NAME: dict[str, Any] = {
    "account": "ada@acme.example",
    "action": "plugin.created",
    "actor": "user:019a3f5e-7c2b-7d1e-8f00-c0ffee000001",
    "batch_id": "collector-7-2026-11-01T10",
    "code": "not_found",
    "cursor": "Pj0h",
    "detail": "What is so here.",
    "digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "display_name": "Ada Lovelace",
    "email": "ada@acme.example",
    "feed": "plugins",
    "handle": "ada",
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "homepage_url": "https://git.example",
    "kind": "usage.compact",
    "label": "scm",
    "latest_version": "5.2.0",
    "licence": "MIT",
    "lifecycle": "active",
    "name": "git",
    "namespace": "jenkins",
    "next": "Pj0hZ2l0",
    "plugin": "jenkins:git",
    "prev": None,
    "ref": "jenkins:git",
    "repository_url": "https://git.example/git-plugin",
    "role": "tenant_admin",
    "scopes": ["catalog:read"],
    "slug": "acme",
    "stream": "usage",
    "subject": "plugin:019a3f5e-7c2b-7d1e-8f00-c0ffee000001",
    "summary": "Git for builds",
    "target": "build-7",
    "status": "active",
    "title": "Git",
    "token": "pb_t…",
    "version": "5.2.0",
    "version_scheme": "semver",
    "visibility": "public",
}
"""What fields of a name hold, where their schema allows it."""

BY_FORMAT: dict[str, str] = {
    "uuid": "019a3f5e-7c2b-7d1e-8f00-c0ffee000001",
    "date-time": "2026-11-23T10:15:00Z",
    "date": "2026-11-23",
    "email": "ada@acme.example",
    "uri": "https://acme.example/hook",
    "binary": "",
}
BY_TYPE: dict[str, Any] = {"string": "text", "integer": 1, "number": 0.5, "boolean": True, "null": None}


def add_examples(document: dict[str, Any]) -> None:
    """Give every JSON answer that has none an example."""
    examples = Examples(document["components"]["schemas"])
    for content in _answers(document):
        if JSON in content and not {"example", "examples"} & content[JSON].keys():
            content[JSON]["example"] = examples.of(content[JSON].get("schema", {}))


def _answers(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        for method in METHODS & item.keys():
            for status, answer in item[method]["responses"].items():
                if status.startswith("2"):
                    yield answer.get("content", {})


class Examples:
    """Values that fit schemas of one document."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self.schemas = schemas

    def of(self, schema: Schema, name: str = "", depth: int = 0) -> Any:
        """A value of the schema: the one it gives itself, else what fields of the name hold, else one of its type."""
        if "$ref" in schema:
            return self.of(self.schemas[schema["$ref"].rsplit("/", 1)[-1]], name, depth)
        given = [*schema.get("examples", ()), *(schema[key] for key in ("example", "const") if key in schema)]
        if given or "enum" in schema:
            return (given or schema["enum"])[0]
        if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            return self._chosen(choices, name, depth)
        return self._typed(schema, name, depth)

    def _chosen(self, choices: list[Schema], name: str, depth: int) -> Any:
        if name in BY_NAME and BY_NAME[name] is None:
            return None
        return self.of(next((c for c in choices if c.get("type") != "null"), choices[0]), name, depth)

    def _typed(self, schema: Schema, name: str, depth: int) -> Any:
        kind = schema.get("type", "object")
        if kind == "object":
            fields = schema.get("properties", {}) if depth < DEEPEST else {}
            return {field: self.of(below, field, depth + 1) for field, below in fields.items()}
        if kind == "array":
            named = BY_NAME.get(name)
            return named if isinstance(named, list) else self._list(schema, name, depth)
        return self._plain(schema, kind, name)

    def _list(self, schema: Schema, name: str, depth: int) -> list[Any]:
        return (
            [self.of(schema["items"], name.removesuffix("s"), depth + 1)]
            if depth < DEEPEST and "items" in schema
            else []
        )

    def _plain(self, schema: Schema, kind: str, name: str) -> Any:
        if schema.get("format") in BY_FORMAT:
            return BY_FORMAT[schema["format"]]
        named = BY_NAME.get(name)
        if kind == "string" and isinstance(named, str):
            return named
        return max(BY_TYPE[kind], schema.get("minimum", 0)) if kind in ("integer", "number") else BY_TYPE[kind]
