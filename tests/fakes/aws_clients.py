"""The AWS SDK, pointed at the AWS server of the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from contact_manager.sandbox.aws_server import BASE_ACCESS_KEY_ID, BASE_SECRET_ACCESS_KEY, AwsServer

READER = "arn:aws:iam::111111111111:role/Reader"
_ONE_TRY = Config(retries={"total_max_attempts": 1})
_BASE: dict[str, Any] = {
    "aws_access_key_id": BASE_ACCESS_KEY_ID,
    "aws_secret_access_key": BASE_SECRET_ACCESS_KEY,
}


@cache
def _session() -> boto3.Session:
    return boto3.Session()


def open_client(server: AwsServer, service: str, *, region: str = "us-east-1", **credentials: Any) -> Any:
    given = _BASE | {"config": _ONE_TRY} | credentials
    return _session().client(service, endpoint_url=server.endpoint_url, region_name=region, **given)


def assume(server: AwsServer, role: str = READER, **more: Any) -> dict[str, str]:
    sts = open_client(server, "sts")
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="test", **more)["Credentials"]
    return {
        "aws_access_key_id": assumed["AccessKeyId"],
        "aws_secret_access_key": assumed["SecretAccessKey"],
        "aws_session_token": assumed["SessionToken"],
    }


def refusal(call: Callable[..., Any], *given: Any, **asked: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(*given, **asked)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
