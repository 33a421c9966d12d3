"""`patchbay rules`."""

from pathlib import Path
from typing import Annotated

import typer

from patchbay.cli.commands.options import Home, Tenant, Url

app = typer.Typer(
    help="Automation rules: check files of them, store them, see which stand, try them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Files = Annotated[list[Path], typer.Argument(help="YAML files, or folders of them.", exists=True)]


@app.command("check")
def check(files: Files) -> None:
    """Say what is wrong with files of rules, line by line, without a registry.

    Example:

        patchbay rules check rules/
    """
    from patchbay.automation.grammar import parse_all
    from patchbay.cli import output

    rules = parse_all(_texts(files))
    output.say(f"{len(rules)} rules are well.")


@app.command("put")
def put(files: Files, tenant: Tenant = None, home: Home = None, url: Url = None) -> None:
    """Store rules under their names; those that say the same as before are left alone.

    Examples:

        patchbay rules put rules/usage-surge.yaml

        patchbay rules put rules/ --tenant acme
    """
    from patchbay.automation.grammar import parse_all
    from patchbay.cli import output
    from patchbay.cli.reaching import reach

    texts = _texts(files)
    parse_all(texts)
    rows = []
    with reach(home=home, url=url, tenant=tenant) as client:
        for name, text in texts.items():
            told = client.put_rules(text)
            rows += [(name, rule, what) for what in ("created", "changed", "unchanged") for rule in told[what]]
    output.answers.print(output.table(("file", "rule", "was"), rows))


@app.command("list")
def list_rules(tenant: Tenant = None, home: Home = None, url: Url = None) -> None:
    """List the rules that stand.

    Example:

        patchbay rules list
    """
    from patchbay.cli import output
    from patchbay.cli.reaching import reach

    with reach(home=home, url=url, tenant=tenant) as client:
        rows = [
            (
                rule["name"],
                rule["document"]["mode"],
                rule["document"]["action"]["type"],
                rule["revision"],
                rule["author"],
            )
            for rule in client.rules()
        ]
    output.answers.print(output.table(("rule", "mode", "action", "revision", "by"), rows))


@app.command("try")
def dry_run(
    files: Annotated[list[Path] | None, typer.Argument(help="Rules to try; default those that stand.")] = None,
    tenant: Tenant = None,
    home: Home = None,
    url: Url = None,
) -> None:
    """Say what the next tick would do, over the newest samples, without doing it.

    Example:

        patchbay rules try rules/usage-surge.yaml
    """
    from patchbay.cli import output
    from patchbay.cli.reaching import reach

    wanted = [{"rules": text} for text in _texts(files).values()] if files else [{}]
    rows = []
    with reach(home=home, url=url, tenant=tenant) as client:
        for one in wanted:
            told = client.dry_run(**one)
            rows += [
                (plan["rule"], plan["action"], ", ".join(plan["targets"]), plan["state"]) for plan in told["plans"]
            ]
            rows += [(held["rule"], held["action"], held["detail"], held["reason"]) for held in told["suppressed"]]
    output.answers.print(output.table(("rule", "action", "about", "would be"), rows))


def _texts(files: list[Path]) -> dict[str, str]:
    """Texts by file, folders by their YAML files; raises `UsageError` where there is none."""
    from patchbay.cli.errors import UsageError

    found = [path for file in files for path in (sorted(file.glob("*.y*ml")) if file.is_dir() else [file])]
    if not found:
        raise UsageError(f"no YAML files in {', '.join(map(str, files))}")
    return {str(path): path.read_text() for path in found}
