"""An approval lets one plan pass, once looked at by somebody else, for some time."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from patchbay.automation.plans import Plan


class ApprovalReason(StrEnum):
    """Why an approval does not count."""

    OTHER_PLAN = "other_plan"
    EXPIRED = "expired"
    SELF_APPROVED = "self_approved"
    NOT_AN_APPROVER = "not_an_approver"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved which plan, by its hash, and until when that counts."""

    plan_hash: str
    by: str
    at: datetime
    expires: datetime


def reject(
    plan: Plan, approval: Approval, *, author: str, approvers: Container[str], now: datetime
) -> ApprovalReason | None:
    """Why an approval does not let a plan run, or None; asked when given and once more just before the effect.

    `author` is who last changed the rule. `approvers` are those who may approve now, so that one whose right was taken
    away, or who is gone, counts no longer.
    """
    if approval.plan_hash != plan.hash:
        return ApprovalReason.OTHER_PLAN
    if approval.by == author:
        return ApprovalReason.SELF_APPROVED
    if approval.by not in approvers:
        return ApprovalReason.NOT_AN_APPROVER
    return None if approval.at <= now < approval.expires else ApprovalReason.EXPIRED
