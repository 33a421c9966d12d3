"""How a command that asks the registry is made of a function: `asks` gives it the options that all of them have.

@asks(app, "list", columns=("id", "name"))
def teams(client: "Client") -> Iterator["Team"]:
    \"""List the teams.\"""
    return client.teams()
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import typer

from patchbay.cli.commands.options import Home, Limit, Output, Profile, Tenant, Url
from patchbay.cli.forms import Form

Call = TypeVar("Call", bound=Callable[..., Any])
REACHING: dict[str, Any] = {"profile": Profile, "tenant": Tenant, "url": Url, "home": Home}


def asks(app: typer.Typer, name: str, *, columns: Sequence[str] = (), shown: bool = True) -> Callable[[Call], Call]:
    """Make a command of a function of a client and of its own arguments. What it answers is printed, if it is `shown`.

    With `columns` it answers a list, of which a table has those, and takes `--limit`.
    """
    forms: dict[str, Any] = ({"limit": Limit} if columns else {}) | ({"output": Output} if shown else {})

    def made(call: Call) -> Call:
        def run(**given: Any) -> None:
            from patchbay.cli.reaching import reach
            from patchbay.cli.shown import show

            limit, output = given.pop("limit", None), given.pop("output", Form.table)
            with reach(**{option: given.pop(option) for option in REACHING}) as client:
                show(call(client, **given), columns, output, limit)

        run.__doc__ = call.__doc__
        run.__name__ = call.__name__
        run.__signature__ = inspect.Signature([*_own(call), *_options(forms | REACHING)])  # type: ignore[attr-defined]
        run.__annotations__ = {}
        app.command(name)(run)
        return call

    return made


def group(help: str) -> typer.Typer:
    """A group of commands, plain and without a default."""
    return typer.Typer(help=help, no_args_is_help=True, rich_markup_mode=None)


def confirmed(question: str, yes: bool) -> None:
    """Ask before something that cannot be taken back; raises `UsageError` where nobody can answer."""
    import sys

    from patchbay.cli.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can answer here: give --yes")
    typer.confirm(question, abort=True, err=True)


def document(file: Any) -> dict[str, Any]:
    """The JSON object in a file; raises `UsageError` when it is none."""
    import orjson

    from patchbay.cli.errors import UsageError

    try:
        told = orjson.loads(file.read())
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{file.name}: no JSON: {error}") from error
    if not isinstance(told, dict):
        raise UsageError(f"{file.name}: not a JSON object")
    return told


def given(**fields: Any) -> dict[str, Any]:
    """The fields that were given."""
    return {name: value for name, value in fields.items() if value is not None}


def _own(call: Callable[..., Any]) -> list[inspect.Parameter]:
    """A function's parameters after the client, as keywords."""
    taken = list(inspect.signature(call).parameters.values())[1:]
    return [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in taken]


def _options(shared: dict[str, Any]) -> Iterator[inspect.Parameter]:
    for name, annotation in shared.items():
        default = Form.table if name == "output" else None
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
