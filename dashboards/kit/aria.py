"""Accessibility attributes as keyword arguments, which Python's names cannot spell."""

from typing import Any


def aria(**attributes: str) -> dict[str, Any]:
    """`aria(label="x")` is `{"aria-label": "x"}`; unpack it into a component."""
    return {f"aria-{name}": value for name, value in attributes.items()}
