"""Failures of botocore's credential providers, put into words: which provider, what happened, and what to do.

Nothing that a provider printed, sent or holds is ever repeated: it may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore import exceptions as botocore_errors

from contact_manager.adapters.aws.advice import advise
from contact_manager.adapters.aws.botocore_errors import read_client_error
from contact_manager.adapters.aws.errors import NO_ANSWER, Asked, is_passing
from contact_manager.errors import RemoteServiceError

_VENDOR_FILE = Path("/sys/devices/virtual/dmi/id/sys_vendor")
_EC2_VENDOR = "Amazon EC2"
"""How an instance is recognised (Amazon EC2 user guide, "Identify EC2 instances")."""

_METADATA_SERVICE = "iam-role"
"""botocore's name; what it answers may be another role, or none, a moment later."""

_UNEXPECTED = "CredentialProviderFailed"
_CANNOT_LOAD = "the AWS credentials cannot be loaded"


@dataclass(frozen=True, slots=True)
class Provider:
    """A place that botocore takes credentials from.

    Attributes:
        method: botocore's name of it, or ``""`` for the settings of all of them.
        profile: Name of the AWS profile in use.
        settings: Of that profile.
        environment: The process's environment variables.
    """

    method: str
    profile: str
    settings: Mapping[str, Any]
    environment: Mapping[str, str]

    def __str__(self) -> str:
        of_profile = f'of the profile "{self.profile}"'
        if self.method == "assume-role-with-web-identity":
            return f"the web identity token file {self._token_file()}"
        if self.method == "container-role":
            return f"the container credentials endpoint ({self._container_variable()})"
        return _NAMES.get(self.method, "the AWS settings {of_profile}").format(of_profile=of_profile)

    @property
    def remedy(self) -> str:
        """What to do about a failure."""
        return _REMEDIES.get(
            self.method, "check the AWS config file, the profile and the AWS_ variables"
        ).format(profile=self.profile)

    def _token_file(self) -> str:
        name = "AWS_WEB_IDENTITY_TOKEN_FILE"
        path = self.settings.get("web_identity_token_file")
        return f'{path} of the profile "{self.profile}"' if path else f"{self.environment.get(name)} ({name})"

    def _container_variable(self) -> str:
        relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
        return relative if self.environment.get(relative) else "AWS_CONTAINER_CREDENTIALS_FULL_URI"


_NAMES = {
    "env": "the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "assume-role": "the role_arn {of_profile}",
    "sso": "IAM Identity Center (SSO) {of_profile}",
    "login": "the aws login session {of_profile}",
    "custom-process": "the credential_process {of_profile}",
    "shared-credentials-file": "the credentials file {of_profile}",
    "config-file": "the AWS config file {of_profile}",
    "iam-role": "the instance metadata service (IMDS)",
    "ec2-credentials-file": "the file AWS_CREDENTIAL_FILE",
    "boto-config": "the boto configuration file",
}
"""As "Standardized credential providers" of the AWS SDKs and Tools reference guide names them."""

_REMEDIES = {
    "env": "set both, and AWS_SESSION_TOKEN for temporary ones",
    "assume-role": "check role_arn, source_profile, credential_source and mfa_serial in the AWS config file",
    "assume-role-with-web-identity": "check the file, AWS_ROLE_ARN, and the role's trust policy",
    "sso": "run aws sso login --profile {profile}",
    "login": "run aws login --profile {profile}",
    "custom-process": "run its command by hand and mend it",
    "shared-credentials-file": "set aws_access_key_id and aws_secret_access_key there",
    "config-file": "set aws_access_key_id and aws_secret_access_key there",
    "container-role": (
        "check the variable, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE if it is set, and that the task or pod "
        "has a role"
    ),
    "iam-role": "check the instance's role and its metadata options, or set AWS_EC2_METADATA_DISABLED=true",
}


def no_credentials(environment: Mapping[str, str]) -> RemoteServiceError:
    """Return the error for a chain in which no provider has credentials."""
    reason = (
        "no AWS credentials were found; sign in, set AWS_PROFILE, or name one with --profile; on EC2 the "
        "instance metadata service has to answer"
    )
    if environment.get("AWS_ROLE_ARN") and not environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        reason += "; AWS_ROLE_ARN is set without AWS_WEB_IDENTITY_TOKEN_FILE and has no effect"
    if environment.get("AWS_SECRET_ACCESS_KEY") and not environment.get("AWS_ACCESS_KEY_ID"):
        reason += "; AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID and has no effect"
    return _error(reason, code="NoCredentials", retryable=_has_metadata_service(environment))


def _has_metadata_service(environment: Mapping[str, str]) -> bool:
    """Whether this machine should have an instance metadata service, which does not answer as it should now.

    botocore treats a silent service like none at all.
    """
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return False
    if environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"):
        return True
    try:
        return _EC2_VENDOR in _VENDOR_FILE.read_text(errors="replace")
    except OSError:
        return False


def provider_error(provider: Provider, error: Exception) -> RemoteServiceError:
    """Return what a provider raised as an error that names it."""
    if isinstance(error, botocore_errors.ClientError):
        return _refused(provider, error)
    is_silent = isinstance(
        error, botocore_errors.HTTPClientError | botocore_errors.ConnectionError | TimeoutError
    )
    is_known = isinstance(error, botocore_errors.BotoCoreError)
    return _error(
        f"{_CANNOT_LOAD}: {provider} {_describe(provider, error)}; {provider.remedy}",
        code=NO_ANSWER if is_silent else type(error).__name__ if is_known else _UNEXPECTED,
        retryable=is_silent or provider.method == _METADATA_SERVICE,
    )


def settings_error(profile: str | None, error: Exception) -> RemoteServiceError:
    """Return the error for AWS's files and variables that cannot be read."""
    where = f' of the profile "{profile}"' if profile else ""
    code = type(error).__name__ if isinstance(error, botocore_errors.BotoCoreError) else _UNEXPECTED
    reason = _own_words(error)
    return _error(
        f"the AWS settings{where} cannot be read ({reason}); check the profile and its file", code=code
    )


def _refused(provider: Provider, error: botocore_errors.ClientError) -> RemoteServiceError:
    refusal = read_client_error(error)
    operation = str(error.operation_name)
    asked = Asked(
        "sso" if provider.method == "sso" else "sts",
        operation,
        str(provider),
        role_arn=str(provider.settings.get("role_arn") or provider.environment.get("AWS_ROLE_ARN") or ""),
    )
    said = f" AWS says: {refusal.message}" if refusal.message else ""
    trace = f" (request id {refusal.request_id})" if refusal.request_id else ""
    return _error(
        f"{_CANNOT_LOAD}: {operation} for {provider} was refused with {refusal.code}: "
        f"{advise(asked, refusal)}.{said}{trace}",
        code=refusal.code,
        retryable=is_passing(refusal),
        request_id=refusal.request_id,
    )


def _describe(provider: Provider, error: Exception) -> str:
    """Return what happened, as the rest of a sentence that begins with the provider."""
    match error:
        case EOFError():
            happened = "needs an MFA code, and there is no terminal to type it in"
        case TimeoutError():
            happened = "gave no answer in time"
        case OSError():
            file = f": {error.filename}" if isinstance(error.filename, str) else ""
            happened = f"cannot be used ({error.strerror or 'input or output failed'}{file})"
        case botocore_errors.ParamValidationError():
            happened = "holds no token or a setting that AWS does not take"
        case botocore_errors.CredentialRetrievalError() | botocore_errors.TokenRetrievalError():
            happened = _describe_retrieval(provider, str(error.kwargs.get("error_msg", "")))
        case botocore_errors.BotoCoreError():
            happened = f"cannot be used ({_own_words(error)})"
        case RuntimeError() if "expired" in str(error):
            happened = "gave credentials that have already expired"
        case _:
            happened = "gave something that is not the JSON object with the keys that AWS describes"
    return happened


def _describe_retrieval(provider: Provider, message: str) -> str:
    """Return what botocore says of a provider; parts that may repeat the provider's output are left out."""
    status = re.match(r"(?:.*: )?Received non 200 response (\d{3})", message)
    if status:
        return f"answered with HTTP {status[1]}"
    for beginning, sentence in _RETRIEVALS.items():
        if beginning in message:
            return sentence
    return "ended with an error" if provider.method == "custom-process" else "gave no credentials"


_RETRIEVALS = {
    "Unsupported version": "printed JSON of another version; Version must be 1",
    "Missing required key": "printed JSON without AccessKeyId or SecretAccessKey",
    "response did not contain": "gave an answer without all parts of credentials",
    "Unable to parse JSON": "gave an answer that is not JSON",
    "Received error when attempting": "gave no answer",
    "No credentials found in credential_source": "names a credential_source that has no credentials",
    "Token has expired": "has a session that has expired",
}


def _own_words(error: Exception) -> str:
    """Return botocore's sentence about the settings."""
    if isinstance(error, botocore_errors.InfiniteLoopConfigError):
        return f"the source_profile settings lead back to {error.kwargs.get('source_profile')}"
    if isinstance(error, botocore_errors.BotoCoreError):
        return " ".join(str(error).split()).rstrip(".")
    return "they are not what AWS describes"


def _error(message: str, *, code: str, retryable: bool = False, request_id: str = "") -> RemoteServiceError:
    return RemoteServiceError(
        message,
        service="aws",
        operation="GetCredentials",
        code=code,
        retryable=retryable,
        request_id=request_id,
    )
