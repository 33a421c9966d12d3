"""All SQL of signing keys and contacts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects import postgresql, sqlite

from patchbay.core.ids import new_id
from registry_api.db import Repository
from registry_api.notifications.models import Contact, SigningKey
from registry_api.problems import NotFound


class Notifications(Repository):
    """Signing keys and contacts of the tenant acted in, also for platform readers: they are set tenant by tenant."""

    def keys(self) -> Select[tuple[SigningKey]]:
        """Signing keys."""
        return select(SigningKey).where(SigningKey.tenant_id == self._tenant)

    def contacts(self) -> Select[tuple[Contact]]:
        """Contacts."""
        return select(Contact).where(Contact.tenant_id == self._tenant)

    async def key(self, name: str) -> SigningKey | None:
        """A signing key by name."""
        return (await self.session.execute(self.keys().where(SigningKey.name == name))).scalar_one_or_none()

    async def contact(self, team: str) -> Contact | None:
        """A team's contact."""
        return (await self.session.execute(self.contacts().where(Contact.team == team))).scalar_one_or_none()

    async def known_key(self, name: str) -> SigningKey:
        """A signing key by name; raises `NotFound`."""
        if (found := await self.key(name)) is None:
            raise NotFound(f"There is no signing key {name!r} in this tenant.")
        return found

    async def known_contact(self, team: str) -> Contact:
        """A team's contact; raises `NotFound`."""
        if (found := await self.contact(team)) is None:
            raise NotFound(f"There is no contact for the team {team!r} in this tenant.")
        return found

    async def put_key(self, name: str, sealed: str, sealed_by: str, now: datetime) -> SigningKey:
        """Insert or replace, also when another writer was just ahead."""
        await self._put(SigningKey, {"name": name}, {"sealed": sealed, "sealed_by": sealed_by, "updated_at": now}, now)
        return await self.known_key(name)

    async def put_contact(self, team: str, addresses: list[str], now: datetime) -> Contact:
        """Insert or replace, also when another writer was just ahead."""
        await self._put(Contact, {"team": team}, {"addresses": addresses, "updated_at": now}, now)
        return await self.known_contact(team)

    async def addresses(self, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """Mail addresses of teams and addresses, each once, and the names of teams that have none."""
        found: dict[str, None] = {}
        unknown = []
        for name in names:
            contact = None if "@" in name else await self.contact(name)
            if contact is None and "@" not in name:
                unknown.append(name)
            found |= dict.fromkeys([name] if contact is None and "@" in name else contact.addresses if contact else [])
        return list(found), unknown

    async def _put(self, model: Any, named: dict[str, Any], values: dict[str, Any], now: datetime) -> None:
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        row = {"id": new_id(), "tenant_id": self._tenant, "recorded_at": now, **named, **values}
        insert = dialect.insert(model).values(**row)
        await self.session.execute(insert.on_conflict_do_update(index_elements=["tenant_id", *named], set_=values))
        self.session.expire_all()  # what was put went past the objects that were read before

    @property
    def _tenant(self) -> UUID:
        return self.scope.tenant_id
