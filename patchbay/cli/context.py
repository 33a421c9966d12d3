"""What every command starts from: the settings, and a client for the running registry."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from patchbay.cli.errors import CommandError

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.settings import Settings

ADMIN_TOKEN = "admin.token"  # noqa: S105  a file's name


def load_settings(home: Path | None = None) -> "Settings":
    """The settings of this call; `--home` goes before PATCHBAY_HOME."""
    from patchbay.core.settings import Settings

    settings = Settings()
    return settings.model_copy(update={"home": home}) if home else settings


def connect(
    settings: "Settings", *, url: str | None = None, tenant: str | None = None, timeout: float = 120, retries: int = 6
) -> "Client":
    """A client of the registry with the token of PATCHBAY_API_TOKEN, or, on its machine, the administrator's."""
    from patchbay.core.client import Client

    return Client(url or settings.api_url, token_of(settings), tenant=tenant, timeout=timeout, retries=retries)


def token_of(settings: "Settings") -> str:
    """The token to present; raises `CommandError` where none is known."""
    if settings.api_token:
        return settings.api_token.get_secret_value()
    file = settings.secret_file(ADMIN_TOKEN)
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        raise CommandError(
            f"no token: {file} is not there. Start Patchbay once with `patchbay up`, or set PATCHBAY_API_TOKEN"
        ) from None


def child_environment(settings: "Settings") -> dict[str, str]:
    """The environment of a process that works on the same state: settings spelled out, our commands first on PATH."""
    import sys

    told = {
        "PATCHBAY_HOME": str(settings.root),
        "DAGSTER_HOME": str(settings.root / "dagster"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }
    for name in ("host", "api_port", "dagster_port", "dashboards_port"):
        told[f"PATCHBAY_{name.upper()}"] = str(getattr(settings, name))
    return {**{name: value for name, value in os.environ.items() if name != "PATCHBAY_PROFILE"}, **told}
