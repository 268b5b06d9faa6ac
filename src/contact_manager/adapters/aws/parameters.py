"""Secrets and names from the SSM Parameter Store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from contact_manager.adapters.aws.botocore_errors import translating
from contact_manager.adapters.aws.errors import Asked
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.errors import RemoteServiceError

if TYPE_CHECKING:
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
    asked = replace(asked, region=access.choose_region(asked))
    async with translating(asked, with_words=False), access.open_client("ssm", asked) as client:
        answer: GetParametersResultTypeDef = await client.get_parameters(
            Names=list(dict.fromkeys(names)), WithDecryption=True
        )
    return answer
