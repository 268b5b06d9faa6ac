"""Who we are ourselves, in the words of AWS's logs."""

from __future__ import annotations

import logging

from contact_manager.adapters.aws.botocore_errors import translating
from contact_manager.adapters.aws.errors import Asked
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.errors import RemoteServiceError

_log = logging.getLogger(__name__)


async def fetch_role_id(access: AwsAccess, role_arn: str) -> str:
    """Return the unique id of the role if it is the one we run under, else ``""``.

    ``GetCallerIdentity`` needs no permission; its UserId is ``{unique id}:{session}`` for a role (AWS STS API
    reference). Without an answer the id is not known, which is no reason to stop.
    """
    asked = Asked("sts", "GetCallerIdentity", role_arn)
    try:
        region = access.choose_region(asked)
        async with (
            translating(asked),
            access.open_session().create_client("sts", region_name=region) as client,
        ):
            answer = await client.get_caller_identity()
    except RemoteServiceError as error:
        _log.warning("sts.identity_unknown error=%s", error.code)
        return ""
    runs_under = f":assumed-role/{role_arn.rsplit('/', 1)[-1]}/" in answer["Arn"]
    return answer["UserId"].split(":", 1)[0] if runs_under else ""
