"""How a process of ours that passes on the requests of others shows the registry that it is one.

What stands in X-Forwarded-For could have been written by anybody. So whoever of ours names a caller there shows a key too, which
only processes on the same state folder can read: no network has to be trusted, and a proxy that passes on what strangers write lets
nobody choose an address.
"""

import logging
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)
FORWARDED_FOR, KEY_HEADER = "X-Forwarded-For", "Patchbay-Forwarding-Key"
KEY_FILE = "forwarding.key"
"""Name of the secret file, which the registry makes on its first start."""


def forwarding_headers(hops: str, key_file: Path) -> dict[str, str]:
    """Headers that name a caller: `hops` as in X-Forwarded-For, the last of them heard by ourselves; none for no hops.

    Without the key file they are believed only where the registry trusts the network they come from.
    """
    if not hops:
        return {}
    try:
        return {FORWARDED_FOR: hops, KEY_HEADER: key_file.read_text().strip()}
    except OSError as error:
        _warn(str(error))
        return {FORWARDED_FOR: hops}


@cache
def _warn(reason: str) -> None:
    """Once for each reason."""
    log.warning("callers are named to the registry without the key that would have it believe us: %s", reason)
