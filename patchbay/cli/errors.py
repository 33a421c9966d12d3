"""Which failures are expected, and the line each is told with."""

FAILURE, USAGE = 1, 2
"""Exit codes: something did not work; the command was told something it cannot use."""


class CommandError(Exception):
    """A command cannot go on; the text says why and what to do."""


class UsageError(CommandError):
    """A command was called in a way it cannot use; the text says which way it can."""


def explain(error: Exception) -> tuple[str, int] | None:
    """The line for an expected failure with its exit code; None for a fault of ours, which keeps its traceback."""
    from pydantic import ValidationError

    from patchbay.automation.grammar import InvalidRules
    from patchbay.core.client import ApiError, ApiUnreachable

    if isinstance(error, ValidationError):
        return _settings_line(error.errors()[0]), USAGE
    if isinstance(error, ApiUnreachable):
        return f"{error}; is Patchbay running? Start it with: patchbay up", FAILURE
    if isinstance(error, InvalidRules):
        return f"{len(error.mistakes)} mistakes in the rules:\n{error}", USAGE
    if isinstance(error, UsageError):
        return str(error), USAGE
    if isinstance(error, CommandError | ApiError):
        return " ".join(str(error).split()), FAILURE
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", FAILURE
    return None


def _settings_line(fault: "object") -> str:
    found = dict(fault)  # type: ignore[call-overload]
    name = ".".join(str(part) for part in found["loc"]).upper()
    return f"PATCHBAY_{name}={found['input']}: {found['msg']} (see docs/reference/settings.md)"
