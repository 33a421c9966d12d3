"""Bases of request and answer models."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from patchbay.core.clock import as_utc


def wire_time(moment: datetime) -> str:
    """ISO 8601 in UTC with Z, as all times on the wire."""
    return as_utc(moment).isoformat().replace("+00:00", "Z")


Timestamp = Annotated[
    datetime,
    PlainSerializer(wire_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A time in an answer."""


def _in_utc(moment: datetime) -> datetime:
    try:
        return as_utc(moment)
    except OverflowError as error:
        raise ValueError("the time lies outside the years 1 to 9999 in UTC") from error


def _spelled(value: Any) -> Any:
    if isinstance(value, int | float) or (isinstance(value, str) and value.lstrip("+-").replace(".", "", 1).isdigit()):
        raise ValueError("a time is ISO 8601 with its zone, not a number")
    return value


ZonedTime = Annotated[AwareDatetime, BeforeValidator(_spelled)]
"""A time with its zone; the validator alone would take numbers for seconds since 1970."""

Moment = Annotated[ZonedTime, AfterValidator(_in_utc)]
"""A time with its zone in a request, taken as UTC."""


def whole_number(value: Any) -> Any:
    """A value that may be an integer: a truth value is none, nor is a word that spells one."""
    if isinstance(value, bool | str):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


Whole = Annotated[int, BeforeValidator(whole_number)]
"""An integer, and neither a truth value nor a word that spells one."""

Figure = Annotated[float, Strict()]
"""A number, and neither a truth value nor a word that spells one."""

LARGEST = 2**53 - 1
"""The largest integer that every reader of JSON holds exactly (RFC 8259 §6)."""

Count = Annotated[int, Field(ge=0, le=LARGEST), BeforeValidator(whole_number)]
"""An integer that is not negative. Bounds stand before the validator: set on `Whole | None` they get lost in the API document."""

Flag = Annotated[bool, Strict()]
"""True or false, and neither a number nor a word."""

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""A name for people to read: 1 to 200 characters, none of them a control character."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A name that is looked up as it is: 1 to 200 characters, none of them a control character."""

Slug = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
"""A name for machines: lower-case letters, digits and inner hyphens."""


def as_id(text: str) -> UUID | None:
    """The id a text spells, if it does."""
    try:
        return UUID(text)
    except ValueError:
        return None


class Input(BaseModel):
    """A request body: unknown fields are refused, with a hint at the right name."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """An answer."""

    model_config = ConfigDict(from_attributes=True)
