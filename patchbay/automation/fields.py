"""Field types of rule documents, strict about what they take."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from patchbay.automation.durations import format_duration, parse_duration, parse_quantity, parse_share


class Strict(BaseModel):
    """A value of a document: frozen, no unknown key, no number spelled as text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    return parse_duration(str(value))


def _share(value: Any) -> Any:
    if isinstance(value, str):
        return parse_share(value)
    return value


def _quantity(value: Any) -> Any:
    return parse_quantity(value) if isinstance(value, str) else _number(value)


def _number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    except OverflowError as error:
        raise ValueError("expected a number that a float can hold") from error


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("expected one line of text")
    return text.strip()


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(format_duration, when_used="json")]
LARGEST = 2**31 - 1
Whole = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
Count = Annotated[int, Field(ge=1, le=LARGEST)]
Share = Annotated[float, BeforeValidator(_share), Field(gt=0, le=1)]
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Quantity = Annotated[float, BeforeValidator(_quantity), Field(allow_inf_nan=False)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Labels = dict[Line, Line]
