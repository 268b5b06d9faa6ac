"""The instance metadata service (IMDSv2) of a machine in the base account.

``AWS_EC2_METADATA_SERVICE_ENDPOINT`` with the server's address and ``METADATA_PATH`` leads botocore here,
where the environment holds no credentials. Rules for the service ``imds`` make it go wrong.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

from werkzeug.wrappers import Response

from contact_manager.sandbox.aws_server.answers import RefusedError
from contact_manager.sandbox.aws_server.call import AwsCall
from contact_manager.sandbox.aws_server.credentials import (
    INSTANCE_ACCESS_KEY_ID,
    INSTANCE_SECRET_ACCESS_KEY,
    INSTANCE_SESSION_TOKEN,
)

METADATA_PATH = "/_sandbox/metadata"
METADATA_SERVICE = "imds"
_ROLE = "sandbox-instance"
_CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
_LINES = {
    ("PUT", "/latest/api/token"): "GetToken",
    ("GET", _CREDENTIALS): "GetRole",
    ("GET", _CREDENTIALS + _ROLE): "GetCredentials",
}
"""Amazon EC2 user guide, "Retrieve security credentials from instance metadata"."""

_LIFETIME = timedelta(hours=6)


def as_metadata_call(call: AwsCall) -> AwsCall:
    """Return a request below ``METADATA_PATH`` as one to the service ``imds``, and any other as it is."""
    if not call.path.startswith(f"{METADATA_PATH}/"):
        return call
    path = call.path.removeprefix(METADATA_PATH)
    operation = _LINES.get((call.method, path), f"{call.method} {path}")
    return dataclasses.replace(call, service=METADATA_SERVICE, operation=operation)


def answer_metadata(call: AwsCall) -> Response:
    """Answer as an instance with a role.

    Raises:
        RefusedError: There is no such metadata.
    """
    if call.operation == "GetToken":
        return Response("sandbox-metadata-token", mimetype="text/plain")
    if call.operation == "GetRole":
        return Response(_ROLE, mimetype="text/plain")
    if call.operation != "GetCredentials":
        raise RefusedError(404, "NotFound", "There is no such metadata.")
    credentials = {
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": INSTANCE_ACCESS_KEY_ID,
        "SecretAccessKey": INSTANCE_SECRET_ACCESS_KEY,
        "Token": INSTANCE_SESSION_TOKEN,
        "Expiration": (datetime.now(UTC) + _LIFETIME).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return Response(json.dumps(credentials), mimetype="application/json")
