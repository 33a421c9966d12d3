"""Sessions, one's own account, users, tokens."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, BinaryIO

import orjson

from patchbay.core.client.asynchronous.calls import JSON, Calls
from patchbay.core.client.documents import (
    Me,
    RecoveryCodes,
    Session,
    SessionCreated,
    SessionRotated,
    Token,
    TokenCreated,
    TotpBegun,
    User,
)
from patchbay.core.client.paths import segment
from patchbay.core.client.uploads import OnProgress


class IdentityCalls(Calls):
    """Who calls, and with what."""

    async def login(
        self, email: str, password: str, tenant: str | None = None, code: str | None = None
    ) -> SessionCreated:
        """A new session with its token; a wrong password is an `ApiError` with status 401."""
        document = {"email": email, "password": password, "tenant": tenant, "code": code}
        given = {name: value for name, value in document.items() if value is not None}
        return await self._ask(SessionCreated, "/v1/sessions", given)

    async def logout(self) -> None:
        """End the session whose token this client has."""
        await self.delete("/v1/sessions/current")

    def sessions(self, **filters: Any) -> AsyncIterator[Session]:
        """The caller's own open sessions; none for an API token."""
        return self._list(Session, "/v1/sessions", **filters)

    async def end_session(self, session_id: str) -> None:
        """End one of the caller's own sessions."""
        await self.delete(f"/v1/sessions/{segment(session_id)}")

    async def rotate_session(self) -> SessionRotated:
        """The session's new secret, shown this once; this client's is refused from now on."""
        return await self._ask(SessionRotated, "/v1/sessions/current/rotate")

    async def me(self) -> Me:
        """Who this token stands for."""
        return await self._read(Me, "/v1/me")

    async def change_password(self, current: str, new: str) -> None:
        """Set the caller's password; ends their other sessions."""
        await self._make(dict, "/v1/me/password", {"current": current, "new": new})

    async def begin_totp(self, password: str) -> TotpBegun:
        """What an authenticator app needs, shown this once; it counts once a code has confirmed it."""
        return await self._make(TotpBegun, "/v1/me/totp", {"password": password})

    async def confirm_totp(self, code: str) -> list[str]:
        """Have sign-ins need a code from now on; the recovery codes, shown this once."""
        return (await self._make(RecoveryCodes, "/v1/me/totp/confirm", {"code": code}))["recovery_codes"]

    async def disable_totp(self, password: str, code: str) -> None:
        """Turn the caller's second factor off."""
        await self._make(dict, "/v1/me/totp/disable", {"password": password, "code": code})

    async def reset_totp(self, user_id: str) -> None:
        """Take a person's second factor away."""
        await self.delete(f"/v1/users/{segment(user_id)}/totp")

    def users(self, **filters: Any) -> AsyncIterator[User]:
        """The tenant's users."""
        return self._list(User, "/v1/users", **filters)

    async def create_user(self, email: str, display_name: str, role: str, password: str | None = None) -> User:
        """A new user of the tenant."""
        document = {"email": email, "display_name": display_name, "role": role}
        return await self._make(User, "/v1/users", document | ({"password": password} if password else {}))

    async def user(self, user_id: str) -> User:
        """One person."""
        return await self._read(User, f"/v1/users/{segment(user_id)}")

    async def change_user(self, user_id: str, *, if_match: str | int | None = None, **fields: Any) -> User:
        """Change a person's display_name, role or status (active, disabled)."""
        return await self._change(User, f"/v1/users/{segment(user_id)}", fields, if_match)

    async def erase_user(self, user_id: str) -> None:
        """Delete an account, and shred what the audit log tells of its holder."""
        await self.delete(f"/v1/users/{segment(user_id)}")

    async def user_data(self, user_id: str, sink: BinaryIO, progress: OnProgress | None = None) -> None:
        """Write what is known of an account's holder into a binary file, as NDJSON."""
        await self._transport.download(f"/v1/users/{segment(user_id)}/data", sink, progress)

    def tokens(self, **filters: Any) -> AsyncIterator[Token]:
        """The tenant's tokens, without their secrets."""
        return self._list(Token, "/v1/tokens", **filters)

    async def create_token(self, name: str, **fields: Any) -> TokenCreated:
        """A new token, shown this once; fields are role or scopes, expires_in_days and, for platform tokens, tenant."""
        return await self._make(TokenCreated, "/v1/tokens", {"name": name, **fields})

    async def revoke_token(self, token_id: str) -> None:
        """End a token at once."""
        await self.delete(f"/v1/tokens/{segment(token_id)}")

    async def rotate_token(self, token_id: str, **fields: Any) -> TokenCreated:
        """A token's new secret, shown this once; fields are overlap_minutes and expires_in_days."""
        return await self._make(TokenCreated, f"/v1/tokens/{segment(token_id)}/rotate", fields)

    async def narrower_token(self, name: str, **fields: Any) -> TokenCreated:
        """A token made from this client's, shown this once; fields are scopes, namespaces and expires_in_minutes."""
        return await self._make(TokenCreated, "/v1/tokens/narrower", {"name": name, **fields})

    async def report_leaked_tokens(self, found: Sequence[Mapping[str, str]]) -> None:
        """Have secrets revoked that were found in public: each a token, and the url and source where it was found."""
        await self._transport.json("POST", "/v1/token-leaks", body=orjson.dumps(list(found)), headers=JSON)
