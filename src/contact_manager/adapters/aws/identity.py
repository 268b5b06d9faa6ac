"""Who we are ourselves, in the words of AWS's logs."""

from __future__ import annotations

import asyncio
import logging

from contact_manager.adapters.aws.botocore_errors import translating
from contact_manager.adapters.aws.errors import Asked
from contact_manager.adapters.aws.session import AwsAccess
from contact_manager.errors import RemoteServiceError

_log = logging.getLogger(__name__)


TIME_LIMIT_S = 2.0
"""Without the id only our own writes are looked at in vain: no reason to keep the work waiting."""


class OwnRole:
    """The role that we run under, and its unique id once STS has answered.

    Args:
        access: The process's way into AWS; whoever made it closes it.
        arn: Of the role.
    """

    def __init__(self, access: AwsAccess, arn: str) -> None:
        self._access = access
        self.arn = arn
        self._id: str | None = None

    async def fetch_id(self) -> str:
        """Return the role's unique id, ``""`` if it is not the one we run under, or not known yet.

        ``GetCallerIdentity`` needs no permission; its UserId is ``{unique id}:{session}`` for a role (AWS STS
        API reference).
        """
        if self._id is None:
            try:
                async with asyncio.timeout(TIME_LIMIT_S):
                    self._id = await self._fetch()
            except RemoteServiceError as error:
                _log.warning("sts.identity_unknown error=%s", error.code)
            except TimeoutError:
                _log.warning("sts.identity_unknown error=Timeout")
        return self._id or ""

    async def _fetch(self) -> str:
        asked = Asked("sts", "GetCallerIdentity", self.arn)
        async with translating(asked), self._access.open_client("sts", asked) as client:
            answer = await client.get_caller_identity()
        user_id: str = answer["UserId"]
        runs_under = f":assumed-role/{self.arn.rsplit('/', 1)[-1]}/" in answer["Arn"]
        return user_id.split(":", 1)[0] if runs_under else ""
