"""Who must act when AWS refuses, and what to do: one sentence for every kind of refusal."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from contact_manager.adapters.aws.send_refusals import is_daily_quota

if TYPE_CHECKING:
    from contact_manager.adapters.aws.errors import Asked, Refusal

THROTTLING_CODES = frozenset(
    {
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "SlowDown",
        "PriorRequestNotComplete",
    }
)
"""With every name that has "Throttl" in it, what botocore's standard retry mode takes for throttling
(botocore, ``retries/standard.py``)."""

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})
DENIED_CODES = frozenset(
    {"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation", "AuthorizationError"}
)
_SIGNATURE_CODES = frozenset({"AuthFailure", "InvalidSignatureException", "SignatureDoesNotMatch"})
_UNKNOWN_KEY_CODES = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "OptInRequired",
        "UnrecognizedClientException",
    }
)
_BAD_CREDENTIALS_CODES = (
    EXPIRED_CODES
    | _SIGNATURE_CODES
    | _UNKNOWN_KEY_CODES
    | {"IncompleteSignature", "MissingAuthenticationToken", "MissingAuthenticationTokenException"}
)
_CLOCK_CODES = frozenset({"RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"})
_CLOCK_WORDS = ("signature expired", "signature not yet current", "request has expired")
_NO_KEY_WORDS = "ciphertext refers to a customer master key"
_SCOPE_WORDS = "credential should be scoped"

_OVER_QUOTA, _FORBIDDEN, _FIRST_SERVER_ERROR = 429, 403, 500
_SIGNATURE_TOLERANCE = timedelta(minutes=5)
"""AWS refuses what was signed longer ago, or in the future (IAM user guide, "Signature Version 4")."""

_CLOCKS_AGREE = timedelta(minutes=1)

_REGIONS_ENABLED_FOR_ALL = frozenset(
    """us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-central-1 eu-north-1 eu-west-1
    eu-west-2 eu-west-3 ap-south-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-southeast-1
    ap-southeast-2""".split()
)
"""Later Regions are off in an account until somebody enables them (AWS Account Management reference guide,
"Enable or disable AWS Regions in your account")."""

_OTHER_PARTITIONS = re.compile(r"(cn|us-gov|us-iso[a-z]?|eu-isoe|eusc)-")

_POLICY = re.compile(
    r"(?P<explicit>with an explicit deny in|because no) (?:an? )?"
    r"(?P<kind>service control|resource control|identity-based|resource-based|session|VPC endpoint"
    r"|permissions boundary)",
    re.IGNORECASE,
)
"""How AWS ends a denial (IAM user guide, "Troubleshoot access denied error messages")."""

_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)")


def is_throttling(refusal: Refusal) -> bool:
    """Whether the name or the status says so; names grow suffixes, and not every 429 has a name."""
    return (
        refusal.status == _OVER_QUOTA or refusal.code in THROTTLING_CODES or "throttl" in refusal.code.lower()
    )


def advise(asked: Asked, refusal: Refusal) -> str:
    """Return what to do about a refusal, without a full stop at its end."""
    if is_daily_quota(asked, refusal):
        return "the account has sent all it may send in 24 hours; wait, or have AWS raise its sending quota"
    if is_throttling(refusal):
        return "the account's rate is used up; lower meeting_config.requests_per_second, or run again later"
    if _is_about_the_clock(refusal):
        return _advise_clock(refusal.clock_offset)
    return (
        _advise_sending(asked, refusal)
        or _advise_kms(refusal)
        or _advise_region(asked, refusal)
        or _advise_duration(refusal)
        or _advise_by_code(asked, refusal)
    )


def _advise_sending(asked: Asked, refusal: Refusal) -> str:
    """Return what to do about a refused mail; the code alone says little (see ``send_refusals``)."""
    if asked.operation != "SendEmail" or refusal.status >= _FIRST_SERVER_ERROR:
        return ""
    if _STOPPED.search(f"{refusal.code} {refusal.words}"):
        return (
            "the account may not send at the moment; its owner has to answer AWS, or switch sending on again"
        )
    if "verified" in refusal.words.lower() or refusal.code.startswith("MailFromDomainNotVerified"):
        return (
            "the identity that is named has to be verified in that account and region; in an account without "
            "production access that holds for recipients, too"
        )
    return ""


_STOPPED = re.compile(r"\b(paus|suspend)|Paused|Suspended", re.IGNORECASE)


def _advise_by_code(asked: Asked, refusal: Refusal) -> str:
    if refusal.code in _BAD_CREDENTIALS_CODES:
        return "the AWS credentials are not accepted any more; sign in again, or renew them"
    known = _ADVICE.get((asked.service, refusal.code))
    if known is None and (refusal.code in DENIED_CODES or refusal.status == _FORBIDDEN):
        return advise_denied(asked, refusal)
    if refusal.status >= _FIRST_SERVER_ERROR:
        return "AWS has trouble; run again later"
    return known or "check the configuration"


def advise_denied(asked: Asked, refusal: Refusal, *, who: str = "") -> str:
    """Return what to do about a missing permission.

    Args:
        asked: The request.
        refusal: The denial; its message names the kind of policy that is in the way, if AWS says so.
        who: Who lacks the permission; without it the role of ``asked``, or else the caller.
    """
    action = _denied_action(asked, refusal)
    kind, is_explicit = _policy(refusal)
    if kind in _GUARDED_BY:
        return _GUARDED_BY[kind].format(action=action, verb="denies" if is_explicit else "does not allow")
    if asked.operation == "AssumeRole":
        return _advise_trust(asked, action, kind, is_explicit=is_explicit)
    who = who or (f"the role {asked.role_arn}" if asked.role_arn else "your own role or user")
    if kind == "resource-based":
        return f"the policy of the resource denies {who} {action}; its owner has to allow it there"
    if is_explicit:
        return f"a policy of {who} explicitly denies {action}; take that Deny statement out"
    where = "the role's policy and in the key's policy" if action.startswith("kms:") else "the role's policy"
    return f"{who} lacks {action}; allow it in {where}{_and_of_missing_keys(asked, action)}"


def _policy(refusal: Refusal) -> tuple[str, bool]:
    """Return the kind of policy that is in the way, or ``""``, and whether it denies explicitly."""
    found = _POLICY.search(refusal.words)
    if found is None:
        return "", False
    return found["kind"].lower(), found["explicit"].lower().startswith("with")


def _denied_action(asked: Asked, refusal: Refusal) -> str:
    """Return the permission that is missing: the one AWS names, else the one the operation needs."""
    named = _ACTION.search(refusal.words)
    return named[1] if named else f"{asked.service}:{_ACTIONS.get(asked.operation, asked.operation)}"


def _advise_trust(asked: Asked, action: str, kind: str, *, is_explicit: bool) -> str:
    role = f"the role {asked.role_arn}" if asked.role_arn else "the role"
    if action in {"sts:TagSession", "sts:SetSourceIdentity"}:
        return f"allow {action} beside sts:AssumeRole in the trust policy of {role}"
    if kind == "identity-based":
        how = "take the Deny out of" if is_explicit else f"allow {action} on {asked.role_arn} in"
        return f"your own policy is in the way, not the role's; {how} your own role's or user's policy"
    return (
        f"{role} refused; check that it exists, that its trust policy names this account and the "
        "external id, and that your own policy allows sts:AssumeRole on it"
    )


def _and_of_missing_keys(asked: Asked, action: str) -> str:
    """S3 says 403 for a missing key too, to whoever may not list (Amazon S3 API, GetObject)."""
    if action == "s3:GetObject" and asked.operation in {"GetObject", "HeadObject"}:
        return "; without s3:ListBucket an object that is not there looks the same"
    return ""


def _is_about_the_clock(refusal: Refusal) -> bool:
    words = refusal.words.lower()
    if refusal.code in _CLOCK_CODES or any(part in words for part in _CLOCK_WORDS):
        return True
    is_far_off = refusal.clock_offset is not None and abs(refusal.clock_offset) >= _SIGNATURE_TOLERANCE
    return refusal.code in _SIGNATURE_CODES and is_far_off


def _advise_clock(offset: timedelta | None) -> str:
    if offset is None:
        return "set this machine's clock"
    if abs(offset) < _CLOCKS_AGREE:
        return (
            "check this machine's clock; at present it agrees with AWS's, so the request may have been held "
            "up (by a proxy, or while the machine was suspended): run again"
        )
    minutes = max(1, round(abs(offset).total_seconds() / 60))
    side = "ahead of" if offset > timedelta(0) else "behind"
    return f"set this machine's clock: it is {minutes} minute{'s' * (minutes > 1)} {side} AWS's"


def _advise_kms(refusal: Refusal) -> str:
    """Return advice for a key, or the empty text; a denial that names its permission is one like others."""
    is_named = refusal.code.upper().startswith("KMS")
    if any(word in refusal.code for word in ("Disabled", "InvalidState", "NotFound")) and is_named:
        return "the KMS key is disabled, deleted or not there; its owner has to enable it or name another one"
    if is_named or (refusal.code in DENIED_CODES and _NO_KEY_WORDS in refusal.words):
        return "the KMS key may not be used; allow kms:Decrypt in the caller's policy and in the key's policy"
    return ""


def _advise_region(asked: Asked, refusal: Refusal) -> str:
    """Return advice when the Region is the likely cause, else the empty text."""
    if refusal.right_region and refusal.code in _WRONG_REGION_CODES:
        return f"the bucket is in {refusal.right_region}; set aws_region, AWS_REGION or --region to it"
    if _SCOPE_WORDS in refusal.words.lower():
        return f"check the region{f' {asked.region}' if asked.region else ''} and AWS_ENDPOINT_URL"
    region = asked.region
    is_late = _is_optional_region(region)
    if refusal.code == "OptInRequired" or (refusal.code in _UNKNOWN_KEY_CODES and is_late):
        named = region or "the region"
        where = f"account {asked.account}" if asked.account else "that account"
        return (
            f"{named} may not be enabled in {where}: enable it there (AWS Account Management, Regions), or "
            "name another region; if it is enabled, sign in again"
        )
    return ""


def _is_optional_region(region: str) -> bool:
    """Whether accounts have to enable the Region before they can use it."""
    return bool(region) and region not in _REGIONS_ENABLED_FOR_ALL and not _OTHER_PARTITIONS.match(region)


def _advise_duration(refusal: Refusal) -> str:
    words = refusal.words.lower()
    if "role chaining" in words:
        return "a role that assumes a role may have one hour at most; lower duration_seconds to 3600"
    if "maxsessionduration" in words:
        return "lower duration_seconds, or have the role's maximum session duration raised"
    return ""


_GUARDED_BY = {
    "service control": (
        "a service control policy of the organization {verb} {action}; the organization's administrator has "
        "to change it, the role's own policy cannot"
    ),
    "resource control": (
        "a resource control policy of the organization {verb} {action}; the organization's administrator has "
        "to change it, the role's own policy cannot"
    ),
    "permissions boundary": (
        "the permissions boundary of the role {verb} {action}; whoever sets the boundary has to allow it"
    ),
    "session": "the session's policy {verb} {action}; whoever made the session has to allow it there",
    "vpc endpoint": (
        "the policy of the VPC endpoint {verb} {action}; whoever runs the network has to allow it there"
    ),
}
"""Policies that no change to the role's own can outweigh."""

_ACTIONS = {
    "ListObjectsV2": "ListBucket",
    "HeadObject": "GetObject",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
}
"""Operations whose permission has another name (Service authorization reference)."""

_WRONG_REGION_CODES = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "HTTP301"}
    | {"301", "400", "HTTP400", "TemporaryRedirect"}
)

_NO_QUEUE = "there is no such queue; check its URL, region and account"
_QUEUE_IS_ENCRYPTED = "the queue must be reached over https; check AWS_ENDPOINT_URL"
_WRONG_BUCKET_REGION = "the bucket is in another region; set aws_region, AWS_REGION or --region to it"
_REFUSED_IDENTITY = (
    "the identity provider's token is not accepted; check its file and the role's trust policy"
)

_ADVICE = {
    ("ses", "NotFoundException"): "there is no such contact list; check contact_list_name and region",
    ("sts", "RegionDisabledException"): "activate STS in this region, or name another one with --region",
    ("sts", "ValidationError"): "check ses_role_arn and external_id in the configuration",
    ("sts", "MalformedPolicyDocument"): "mend the session policy",
    ("sts", "PackedPolicyTooLarge"): "send fewer or shorter session tags and session policies",
    ("sts", "InvalidIdentityToken"): _REFUSED_IDENTITY,
    ("sts", "IDPRejectedClaim"): _REFUSED_IDENTITY,
    ("sts", "IDPCommunicationError"): "STS cannot reach the identity provider; run again later",
    ("ssm", "InvalidKeyId"): "the parameter's KMS key cannot be used; allow kms:Decrypt on it",
    ("ssm", "ParameterNotFound"): "create the parameter there, or correct its name in graph_config",
    ("sso", "UnauthorizedException"): "sign in again with aws sso login",
    ("sso", "ForbiddenException"): "the account or role of the profile is not assigned to you; check both",
    ("sso", "ResourceNotFoundException"): "check sso_account_id and sso_role_name of the profile",
    ("s3", "NoSuchBucket"): "there is no such bucket; check s3_config.bucket_name",
    ("s3", "PermanentRedirect"): _WRONG_BUCKET_REGION,
    ("s3", "HTTP301"): _WRONG_BUCKET_REGION,
    ("s3", "AuthorizationHeaderMalformed"): _WRONG_BUCKET_REGION,
    ("s3", "IllegalLocationConstraintException"): _WRONG_BUCKET_REGION,
    ("s3", "AllAccessDisabled"): "AWS has disabled the bucket; contact AWS Support, or name another one",
    ("s3", "AccountProblem"): "there is a problem with the AWS account; contact AWS Support",
    ("s3", "InvalidObjectState"): "the object lies in an archive storage class; restore it (aws s3api "
    "restore-object), and keep archive/ out of rules that move objects there",
    ("sqs", "AWS.SimpleQueueService.NonExistentQueue"): _NO_QUEUE,
    ("sqs", "NonExistentQueue"): _NO_QUEUE,
    ("sqs", "QueueDoesNotExist"): _NO_QUEUE,
    ("sqs", "InvalidAddress"): _NO_QUEUE,
    ("sqs", "InvalidSecurity"): _QUEUE_IS_ENCRYPTED,
}
