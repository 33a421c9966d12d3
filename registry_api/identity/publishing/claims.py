"""How each CI provider says what a job is, and which jobs run only what the repository's own people put there.

Claims of GitHub: https://docs.github.com/actions/reference/openid-connect-reference; of GitLab:
https://docs.gitlab.com/ci/secrets/id_token_authentication/.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Provider:
    """Names of the claims, the form of the workflow's, and the events that are safe; `told` are those the audit log keeps, and
    `person` is who started the job.

    Events are allowed by name: `pull_request_target` and its like run with the repository's rights on code of strangers,
    and the next one of that kind is refused before anybody here has heard of it.
    """

    issuer: str
    repository_id: str
    owner_id: str
    workflow: str
    workflow_form: re.Pattern[str]
    environment: str
    event: str
    safe_events: frozenset[str]
    told: tuple[str, ...]
    person: str


PROVIDERS: dict[str, Provider] = {
    "github": Provider(
        issuer="https://token.actions.githubusercontent.com",
        repository_id="repository_id",
        owner_id="repository_owner_id",
        workflow="workflow_ref",
        workflow_form=re.compile(r"[^/@]+/[^/@]+/\.github/workflows/(?P<file>[^/@]+)@.+"),
        environment="environment",
        event="event_name",
        safe_events=frozenset({"push", "release", "create", "schedule", "workflow_dispatch", "repository_dispatch"}),
        told=("repository", "repository_id", "workflow_ref", "sha", "ref", "run_id", "run_attempt"),
        person="actor",
    ),
    "gitlab": Provider(
        issuer="https://gitlab.com",
        repository_id="project_id",
        owner_id="namespace_id",
        workflow="ci_config_ref_uri",
        workflow_form=re.compile(r"[^@]+//(?P<file>[^@]+)@.+"),
        environment="environment",
        event="pipeline_source",
        safe_events=frozenset({"push", "web", "schedule", "api", "trigger", "pipeline"}),
        told=("project_path", "project_id", "ci_config_ref_uri", "sha", "ref", "pipeline_id", "job_id"),
        person="user_login",
    ),
}


@dataclass(frozen=True, slots=True)
class Workflow:
    """What a job is, as far as publishers are matched: its environment is empty when it has none."""

    repository_id: str
    owner_id: str
    file: str
    environment: str


def workflow_of(provider: Provider, claims: Mapping[str, Any]) -> Workflow | None:
    """What the job is; None when a claim is missing or has another form, which then matches nothing."""
    found = provider.workflow_form.fullmatch(_text(claims, provider.workflow))
    repository_id, owner_id = _text(claims, provider.repository_id), _text(claims, provider.owner_id)
    if found is None or not repository_id or not owner_id:
        return None
    return Workflow(repository_id, owner_id, found["file"], _text(claims, provider.environment))


def is_safe(provider: Provider, claims: Mapping[str, Any]) -> bool:
    """Whether what started the job leaves strangers' code out."""
    return _text(claims, provider.event) in provider.safe_events


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
