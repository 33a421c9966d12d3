"""Answers in part and answers with more: `fields` and `include`, each a closed list that follows from the view.

Every list, and every read of what has an id, takes `fields`: the names of the view's fields that are wanted. Fields of a view that are
`Included` are answered only when `include` names them. What nobody asked for need not be looked up; see `Wanted`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from registry_api.filtering import AS_LIST
from registry_api.pagination import Page
from registry_api.problems import FieldError, InvalidRequest, suggestion

FIELDS, INCLUDE = "fields", "include"
PART = "Part"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Included:
    """Marks a field that is answered only when `include` names it, to callers who hold this scope as well."""

    scope: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants of an answer: whether a field is `in` it. By default all but what is included."""

    fields: frozenset[str] | None = None
    included: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        if name in self.optional:
            return name in self.included
        return self.fields is None or name in self.fields

    def cut(self, document: dict[str, Any]) -> dict[str, Any]:
        """What is wanted of a whole view."""
        return {name: value for name, value in document.items() if name in self}


EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class Choice:
    """What a route lets its callers choose of its answer."""

    fields: frozenset[str] = frozenset()
    included: Mapping[str, str] = field(default_factory=dict)
    """Each with the scope that it needs."""
    is_page: bool = False

    @classmethod
    def of(cls, model: Any) -> "Choice":
        """What can be chosen of answers of a model: nothing of those that are neither lists nor have an id."""
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return cls()
        is_page = issubclass(model, Page)
        view = model.__pydantic_generic_metadata__["args"][0] if is_page else model
        if not is_page and "id" not in view.model_fields:
            return cls()
        marks = {name: mark for name, info in view.model_fields.items() for mark in info.metadata}
        included = {name: mark.scope for name, mark in marks.items() if isinstance(mark, Included)}
        return cls(frozenset(view.model_fields) - included.keys(), included, is_page)

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """The query parameters in the API document."""
        found = [_parameter(FIELDS, "Only these fields.", self.fields)] if self.fields else []
        needs = ", ".join(f"{name} ({scope})" for name, scope in self.included.items())
        return (
            [*found, _parameter(INCLUDE, f"Also these, with the scope each needs: {needs}.", self.included)]
            if needs
            else found
        )

    def wanted(self, request: Request) -> Wanted:
        """What a request chose; raises `InvalidRequest` for what is not in the closed lists."""
        fields, included = _names(request, FIELDS, self.fields), _names(request, INCLUDE, self.included)
        request.state.also_scopes = frozenset(self.included[name] for name in included or ())
        return Wanted(fields, included or frozenset(), frozenset(self.included))

    def cut(self, response: Response, wanted: Wanted) -> Response:
        """The answer with only the fields that are wanted."""
        if wanted.fields is None or response.status_code != 200:
            return response
        document = orjson.loads(response.body)
        if self.is_page:
            document["items"] = [wanted.cut(item) for item in document["items"]]
        response.body = orjson.dumps(document if self.is_page else wanted.cut(document))
        response.headers["content-length"] = str(len(response.body))
        return response


def _wanted(request: Request) -> Wanted:
    wanted: Wanted = request.state.wanted
    return wanted


WantedParts = Annotated[Wanted, Depends(_wanted)]
"""Declare `wanted: WantedParts` on a route that can leave something out."""


def _names(request: Request, parameter: str, known: Iterable[str]) -> frozenset[str] | None:
    """The names that a parameter lists; None where it is left out. Repeated parameters are one list."""
    if parameter not in request.query_params:
        return None
    names = {name for value in request.query_params.getlist(parameter) for name in value.split(",")}
    unknown = [
        FieldError(
            parameter, "unknown_name", f"{parameter} has no {name[:100]!r}. {suggestion(name[:100], set(known))}"
        )
        for name in sorted(names - set(known))
    ]
    if unknown:
        raise InvalidRequest(unknown[0].detail, errors=unknown[:100])
    return frozenset(names)


def _parameter(name: str, description: str, names: Iterable[str]) -> dict[str, Any]:
    items = {"type": "string", "enum": sorted(names)}
    schema = {"type": "array", "items": items, "minItems": 1}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema} | AS_LIST


def add_parts(document: dict[str, Any]) -> None:
    """Say of each answer that takes `fields` that it is a whole view or a part of one: the same fields, none of which must be there."""
    schemas = document["components"]["schemas"]
    for item in document["paths"].values():
        operation = item.get("get", {})
        if FIELDS in {parameter["name"] for parameter in operation.get("parameters", ())}:
            content = operation["responses"]["200"]["content"][JSON]
            content["schema"] = {"anyOf": [content["schema"], _part(schemas, content["schema"])]}


def _part(schemas: dict[str, Any], whole: Mapping[str, str]) -> dict[str, str]:
    name = whole["$ref"].rsplit("/", 1)[-1]
    properties = dict(schemas[name]["properties"])
    part = {**schemas[name], "title": name + PART, "properties": properties}
    if name.startswith(f"{Page.__name__}_"):
        properties["items"] = {**properties["items"], "items": _part(schemas, properties["items"]["items"])}
    else:
        part |= {"additionalProperties": False, "minProperties": 1}
        part.pop("required", None)
    schemas[name + PART] = part
    return {"$ref": f"#/components/schemas/{name}{PART}"}
