"""The problem of a caller who sends too much."""

from collections.abc import Sequence
from http import HTTPStatus

from registry_api.limits.policies import PLANNED, State
from registry_api.problems import FieldError, Problem

WHOSE = {
    "login": "sign-ins from this address",
    "address": "requests from this address",
    "token": "requests with this token",
    "tenant": "requests of this tenant",
    PLANNED: "requests of this tenant by its plan",
}


class RateLimited(Problem):
    """A limit was hit; `errors` names each, and nothing was done."""

    status, code, title = HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", "Too many requests"

    def __init__(self, states: Sequence[State]) -> None:
        hit = [state for state in states if not state.allowed]
        wait = max(state.wait for state in hit)
        errors = [FieldError(state.policy.name, "limit_hit", _said(state)) for state in hit]
        detail = f"{' '.join(error.detail for error in errors)} Send it again in {wait} s."
        super().__init__(detail, errors=errors, headers={"Retry-After": str(wait)})


def _said(state: State) -> str:
    policy = state.policy
    return f"The limit {policy.name!r} was hit: {policy.quota:,} {WHOSE[policy.name]} in {policy.window} s."
