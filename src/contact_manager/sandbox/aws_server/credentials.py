"""Whose request it is: the base credentials, or a session that AssumeRole gave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import get_account_id_from
from moto.sts.models import AssumedRole, sts_backends

from contact_manager.sandbox.aws_server.answers import RefusedError, forbidden
from contact_manager.sandbox.aws_server.call import AwsCall
from contact_manager.sandbox.aws_server.signature import signature_fits

BASE_ACCOUNT_ID = DEFAULT_ACCOUNT_ID
BASE_ACCESS_KEY_ID = "AKIASANDBOX00EXAMPLE"
BASE_SECRET_ACCESS_KEY = "sandbox-secret-access-key-EXAMPLE"
INSTANCE_ACCESS_KEY_ID = "ASIASANDBOX00EXAMPLE"
INSTANCE_SECRET_ACCESS_KEY = "sandbox-instance-secret-EXAMPLE"
INSTANCE_SESSION_TOKEN = "sandbox-instance-token"
"""What the instance metadata service gives out: another key of the base account."""

_UNKNOWN = {"s3": "InvalidAccessKeyId", "sts": "InvalidClientTokenId"}
_UNSIGNED = {"s3": "AccessDenied", "sts": "MissingAuthenticationToken"}
_EXPIRED = {"s3": "ExpiredToken", "sts": "ExpiredToken"}
_WRONG_SIGNATURE = {"s3": "SignatureDoesNotMatch", "sts": "SignatureDoesNotMatch"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request.

    Attributes:
        account: The account that the request acts in.
        secret: What the signature must be made with.
        session_token: What a session must send along; None for the base credentials.
        expires: End of the session; None for the base credentials.
    """

    account: str
    secret: str
    session_token: str | None = None
    expires: datetime | None = None


_OWN = {
    BASE_ACCESS_KEY_ID: Caller(BASE_ACCOUNT_ID, BASE_SECRET_ACCESS_KEY),
    INSTANCE_ACCESS_KEY_ID: Caller(BASE_ACCOUNT_ID, INSTANCE_SECRET_ACCESS_KEY, INSTANCE_SESSION_TOKEN),
}


def find_caller(access_key: str | None) -> Caller | None:
    """Return who an access key belongs to, or None when nobody knows it.

    A session belongs to the account in its role's ARN, as moto resolves it (``moto.iam.models``).
    """
    if access_key is None or access_key in _OWN:
        return _OWN[access_key] if access_key else None
    role = _find_session(access_key)
    if role is None:
        return None
    expires = role.expiration.replace(tzinfo=UTC)
    return Caller(role.account_id, role.secret_access_key, role.session_token, expires)


def _find_session(access_key: str) -> AssumedRole | None:
    partitions = sts_backends[get_account_id_from(access_key)]
    for backend in list(partitions.values()):
        role = backend.get_assumed_role_from_access_key(access_key)
        if role is not None:
            return role
    return None


def refusal_of(call: AwsCall, caller: Caller | None) -> RefusedError | None:
    """Return why the credentials of a request are refused, or None.

    Codes: "Common Errors" of the SES v2 and Systems Manager API references (``UnrecognizedClientException``,
    ``ExpiredTokenException``), of STS (``InvalidClientTokenId``, ``ExpiredToken``) and of S3.
    """
    if call.access_key is None:
        return _refused(
            call, _UNSIGNED, "MissingAuthenticationTokenException", "Missing Authentication Token"
        )
    if caller is None or call.headers.get("X-Amz-Security-Token") != caller.session_token:
        message = "The security token included in the request is invalid."
        return _refused(call, _UNKNOWN, "UnrecognizedClientException", message)
    if caller.expires is not None and caller.expires <= datetime.now(UTC):
        message = "The security token included in the request is expired"
        return _refused(call, _EXPIRED, "ExpiredTokenException", message)
    if not signature_fits(call, caller.secret):
        message = "The request signature we calculated does not match the signature you provided."
        return _refused(call, _WRONG_SIGNATURE, "InvalidSignatureException", message)
    return None


def _refused(call: AwsCall, by_service: dict[str, str], code: str, message: str) -> RefusedError:
    return forbidden(by_service.get(call.service, code), message)
