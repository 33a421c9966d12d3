"""The columnar body as OpenAPI describes it."""

from typing import Any

import orjson

from patchbay.core.contracts import Column, Contract
from registry_api.intake.columnar.receive import ARROW, NDJSON

_SCHEMAS: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "int64": {"type": "integer", "format": "int64"},
    "float64": {"type": "number"},
    "timestamp": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "decimal": {"type": ["string", "number"]},
}


def columnar_body(contract: Contract, example: dict[str, Any]) -> dict[str, Any]:
    """The request body of a columnar route: the row's schema once, for both wire forms."""
    row = {
        "title": contract.name,
        "description": contract.grain,
        "type": "object",
        "additionalProperties": False,
        "required": [column.name for column in contract.columns if not column.nullable],
        "properties": {column.name: _property(column) for column in contract.columns},
    }
    line = orjson.dumps({name: value for name, value in example.items() if value is not None}).decode()
    ndjson = {
        "schema": {**row, "description": f"Lines of: {contract.grain}"},
        "examples": {"one": {"value": line + "\n"}},
    }
    arrow = {"schema": {"type": "string", "format": "binary", "description": "An Arrow IPC stream with these columns."}}
    return {"requestBody": {"required": True, "content": {NDJSON: ndjson, ARROW: arrow}}}


def _property(column: Column) -> dict[str, Any]:
    schema = dict(_SCHEMAS[column.type])
    if column.nullable:
        schema["type"] = [*([schema["type"]] if isinstance(schema["type"], str) else schema["type"]), "null"]
    return {**schema, "description": column.description} if column.description else schema
