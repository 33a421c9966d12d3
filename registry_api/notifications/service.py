"""Rules of signing keys and contacts."""

from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from registry_api.db import UnitOfWork
from registry_api.notifications.models import Contact
from registry_api.notifications.repository import Notifications
from registry_api.notifications.schemas import SigningKeyStored, SigningKeyView
from registry_api.notifications.sealing import fresh_secret, seal


async def set_key(work: UnitOfWork, settings: Settings, name: str, secret: str | None) -> tuple[SigningKeyStored, bool]:
    """Store a signing key, sealed; whether it is new. One that is made here is shown this once."""
    shown = None if secret else fresh_secret()
    sealed, sealed_by = seal(settings, work.principal.tenant_id, name, secret or shown or "")
    keys = work.repository(Notifications)
    is_new = await keys.key(name) is None
    row = await keys.put_key(name, sealed, sealed_by, utcnow())
    work.audit("signing_key.set", f"signing_key:{name}", {"new": is_new, "made_here": shown is not None})
    return SigningKeyStored(**SigningKeyView.model_validate(row).model_dump(), secret=shown), is_new


async def delete_key(work: UnitOfWork, name: str) -> None:
    """Delete a signing key; webhooks that name it then fail with that reason."""
    await work.session.delete(await work.repository(Notifications).known_key(name))
    work.audit("signing_key.delete", f"signing_key:{name}")


async def set_contact(work: UnitOfWork, team: str, addresses: list[str]) -> tuple[Contact, bool]:
    """Say where a team's mail goes, each address once; whether the team is new."""
    contacts = work.repository(Notifications)
    found = await contacts.contact(team)
    before = None if found is None else {"addresses": len(found.addresses)}
    row = await contacts.put_contact(team, list(dict.fromkeys(addresses)), utcnow())
    work.audit("contact.set", f"contact:{team}", before=before, after={"addresses": len(row.addresses)})
    return row, found is None


async def delete_contact(work: UnitOfWork, team: str) -> None:
    """Delete a team's contact; mail to it then fails with that reason."""
    await work.session.delete(await work.repository(Notifications).known_contact(team))
    work.audit("contact.delete", f"contact:{team}")
