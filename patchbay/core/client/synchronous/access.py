"""Teams, grants in namespaces, trusted publishers."""

from collections.abc import Iterator
from typing import Any

from patchbay.core.client.documents import (
    NamespaceGrant,
    PublishToken,
    Team,
    TeamMember,
    TrustedPublisher,
)
from patchbay.core.client.paths import segment
from patchbay.core.client.synchronous.calls import Calls


class AccessCalls(Calls):
    """Who and what may change which namespace."""

    def teams(self, **filters: Any) -> Iterator[Team]:
        """The tenant's teams."""
        return self._list(Team, "/v1/teams", **filters)

    def team(self, name: str) -> Team:
        """One team."""
        return self._read(Team, f"/v1/teams/{segment(name)}")

    def set_team(self, name: str, display_name: str, if_match: str | int | None = None) -> Team:
        """Make a team, or with the revision or ETag of one that is there (`*` for any) rename it."""
        return self._put_revised(Team, f"/v1/teams/{segment(name)}", {"display_name": display_name}, if_match)

    def delete_team(self, name: str) -> None:
        """Delete a team and what was granted to it."""
        self.delete(f"/v1/teams/{segment(name)}")

    def team_members(self, name: str, **filters: Any) -> Iterator[TeamMember]:
        """A team's people."""
        return self._list(TeamMember, f"/v1/teams/{segment(name)}/members", **filters)

    def add_to_team(self, name: str, user_id: str) -> None:
        """Put a person into a team."""
        self._put(dict, f"/v1/teams/{segment(name)}/members/{segment(user_id)}")

    def remove_from_team(self, name: str, user_id: str) -> None:
        """Take a person out of a team."""
        self.delete(f"/v1/teams/{segment(name)}/members/{segment(user_id)}")

    def namespace_grants(self, namespace: str | None = None, **filters: Any) -> Iterator[NamespaceGrant]:
        """The tenant's grants in namespaces."""
        return self._list(NamespaceGrant, "/v1/namespace-grants", namespace=namespace, **filters)

    def grant_namespace(self, namespace: str, **holder: Any) -> NamespaceGrant:
        """Grant a namespace to one of user_id, team (a name) and token_id; expires_at may be given."""
        return self._make(NamespaceGrant, "/v1/namespace-grants", {"namespace": namespace, **holder})

    def end_namespace_grant(self, grant_id: str) -> None:
        """Take a grant back."""
        self.delete(f"/v1/namespace-grants/{segment(grant_id)}")

    def trusted_publishers(self, **filters: Any) -> Iterator[TrustedPublisher]:
        """The tenant's trusted publishers."""
        return self._list(TrustedPublisher, "/v1/trusted-publishers", **filters)

    def trust_publisher(self, place: str, **workflow: str) -> TrustedPublisher:
        """Trust a workflow: provider, repository_id, owner_id, workflow, and maybe issuer and environment."""
        return self._make(TrustedPublisher, "/v1/trusted-publishers", {"place": place, **workflow})

    def distrust_publisher(self, publisher_id: str) -> None:
        """Trust a workflow no more."""
        self.delete(f"/v1/trusted-publishers/{segment(publisher_id)}")

    def exchange_ci_token(self, tenant: str, token: str) -> PublishToken:
        """A publish token for fifteen minutes, for a CI job's OIDC token; needs no token of ours."""
        document = {"tenant": tenant, "token": token}
        return self._ask(PublishToken, "/v1/trusted-publishing/exchange", document)


# Made by `make client` from patchbay/core/client/asynchronous/access.py; edit that.
