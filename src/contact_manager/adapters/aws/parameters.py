"""Secrets and names from the SSM Parameter Store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from contact_manager.adapters.aws.errors import Asked, Refusal, clean_code, refused, unanswered, unready
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.errors import RemoteServiceError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from types_aiobotocore_ssm.type_defs import GetParametersResultTypeDef

_log = logging.getLogger(__name__)

MAX_NAMES = 10
"""Parameters of one call (botocore service model ssm, ``ParameterNameList``)."""


async def fetch_parameters(access: AwsAccess, names: Sequence[str]) -> dict[str, str]:
    """Return the decrypted value of every name, read in one call.

    Args:
        access: Whose credentials and region are used.
        names: At most ten, without a version or label.

    Raises:
        RemoteServiceError: SSM cannot be read, or one of the names is not there.
    """
    asked = Asked("ssm", "GetParameters", ", ".join(names))
    found = {one["Name"]: one["Value"] for one in (await _get_parameters(access, asked, names))["Parameters"]}
    missing = [name for name in names if name not in found]
    if missing:
        raise RemoteServiceError(
            f"no parameter {', '.join(missing)} in {access.choose_region(asked)}; create it there, "
            "or correct its name in graph_config",
            service="ssm",
            operation=asked.operation,
            code="InvalidParameters",
        )
    _log.debug("ssm.parameters_read count=%d", len(found))
    return found


async def _get_parameters(
    access: AwsAccess, asked: Asked, names: Sequence[str]
) -> GetParametersResultTypeDef:
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnectionError

    region = access.choose_region(asked)
    try:
        async with access.open_session().create_client("ssm", region_name=region) as client:
            answer: GetParametersResultTypeDef = await client.get_parameters(
                Names=list(dict.fromkeys(names)), WithDecryption=True
            )
            return answer
    except ClientError as error:
        raise refused(asked, _read_client_error(error)) from error
    except (HTTPClientError, NoConnectionError) as error:
        raise unanswered(asked, str(error)) from error
    except (BotoCoreError, ValueError) as error:
        raise unready(asked, type(error).__name__, f"{error}; check the AWS settings") from error


def _read_client_error(error: ClientError) -> Refusal:
    """Return the error's parts without AWS's words, which could repeat what was read."""
    metadata = error.response.get("ResponseMetadata", {})
    return Refusal(
        metadata.get("HTTPStatusCode", 0),
        clean_code(error.response.get("Error", {}).get("Code", "")),
        request_id=metadata.get("RequestId", ""),
    )
