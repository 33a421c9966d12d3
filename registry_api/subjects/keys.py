"""The ring of keys that person ids are hashed with."""

import base64
import hmac
import json
from uuid import UUID

from patchbay.core.settings import Settings
from registry_api.secrets import Key, person_key

RETIRED = "person.key.retired."


def person_keys(settings: Settings) -> tuple[Key, ...]:
    """The key in service, then the retired ones.

    To rotate, rename `secrets/person.key` to `secrets/person.key.retired.<anything>` and restart: a new key is made, and everyone who
    is seen again is re-keyed in place. A retired key that is deleted leaves its people unfindable, so they start anew.
    """
    folder = settings.secret_file("person.key").parent
    current = person_key(settings)
    retired = (json.loads(path.read_text()) for path in sorted(folder.glob(f"{RETIRED}*")))
    return (current, *(Key(kept["id"], base64.b64decode(kept["secret"])) for kept in retired))


def person_digest(key: Key, tenant_id: UUID, person: str) -> bytes:
    """HMAC-SHA256 (RFC 2104) of a person id.

    The tenant is part of it, so one person in two tenants cannot be matched.
    """
    return hmac.digest(key.secret, tenant_id.bytes + person.encode(), "sha256")
