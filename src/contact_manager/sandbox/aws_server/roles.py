"""Which roles may be assumed, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contact_manager.sandbox.aws_server.answers import RefusedError, bad_request, forbidden
from contact_manager.sandbox.aws_server.call import AwsCall

_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/.+")
_SHORTEST_S, _LONGEST_S, _LONGEST_CHAINED_S, _DEFAULT_S = 900, 43200, 3600, 3600


@dataclass(frozen=True, slots=True)
class RoleRule:
    """The trust policy of a role, as far as it matters here.

    Attributes:
        role_arn: The role.
        denied: Whether nobody may assume it.
        external_id: What the caller must give, or None when it is not asked for.
    """

    role_arn: str
    denied: bool = False
    external_id: str | None = None


class RoleBook:
    """The rules by role ARN."""

    def __init__(self) -> None:
        self._rules: dict[str, RoleRule] = {}

    def put(self, rule: RoleRule) -> None:
        """Add a rule, or replace the one of the same role."""
        self._rules[rule.role_arn] = rule

    def rules(self) -> tuple[RoleRule, ...]:
        """Return all rules."""
        return tuple(self._rules.values())

    def refusal_of(self, call: AwsCall, *, deny_unknown: bool, chained: bool) -> RefusedError | None:
        """Return why a role may not be assumed, or None.

        A wrong external id and a missing trust look alike: ``AccessDenied`` (STS API reference, AssumeRole).

        Args:
            call: The AssumeRole request.
            deny_unknown: Whether a role without a rule is denied.
            chained: Whether the caller is itself a session of a role.
        """
        invalid = _invalid_parameter(call, chained=chained)
        if invalid is not None:
            return bad_request(invalid, "ValidationError")
        role_arn = call.form.get("RoleArn", "")
        rule = self._rules.get(role_arn, RoleRule(role_arn, denied=deny_unknown))
        if rule.denied or (rule.external_id is not None and call.form.get("ExternalId") != rule.external_id):
            message = f"User is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            return forbidden("AccessDenied", message)
        return None


def account_of(role_arn: str | None) -> str | None:
    """Return the account in a role's ARN, or None when it is not one."""
    return role_arn.split(":")[4] if role_arn and _ROLE_ARN.fullmatch(role_arn) else None


def _invalid_parameter(call: AwsCall, *, chained: bool) -> str | None:
    """Check the limits of AssumeRole (botocore service model ``sts``; one hour when roles are chained)."""
    if not _ROLE_ARN.fullmatch(call.form.get("RoleArn", "")):
        return "roleArn is not a role's ARN"
    if not _SESSION_NAME.fullmatch(call.form.get("RoleSessionName", "")):
        return "Value at 'roleSessionName' failed to satisfy constraint: 2 to 64 characters of [\\w+=,.@-]"
    duration = call.form.get("DurationSeconds", str(_DEFAULT_S))
    if not duration.isdecimal() or not _SHORTEST_S <= int(duration) <= _LONGEST_S:
        return f"Value at 'durationSeconds' must be between {_SHORTEST_S} and {_LONGEST_S}"
    if chained and int(duration) > _LONGEST_CHAINED_S:
        return "DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    return None
