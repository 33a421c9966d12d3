"""The `patchbay` command."""

import sys


def main() -> None:
    """Run the command line; expected failures end in one line on standard error and exit code 1, wrong usage in 2."""
    from patchbay.cli.app import app
    from patchbay.cli.errors import explain

    try:
        app(prog_name="patchbay")
    except Exception as error:
        answer = explain(error)
        if answer is None:
            raise
        from patchbay.cli.output import harmless

        line, code = answer
        print(f"patchbay: {harmless(line)}", file=sys.stderr)
        sys.exit(code)
