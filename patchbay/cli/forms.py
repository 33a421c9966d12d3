"""The forms that answers are printed in."""

from enum import StrEnum


class Form(StrEnum):
    """How answers are printed."""

    table = "table"
    json = "json"
    csv = "csv"
