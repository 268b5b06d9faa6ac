"""Signature Version 4, checked the way the services do.

Source of the steps: AWS Identity and Access Management user guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote

from contact_manager.sandbox.aws_server.call import AwsCall

_ALGORITHM = "AWS4-HMAC-SHA256"
_HEADER = re.compile(
    _ALGORITHM + r"\s+Credential=[^/]+/(?P<scope>[^,\s]+),\s*"
    r"SignedHeaders=(?P<names>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_SPACES = re.compile(r"\s+")


def signature_fits(call: AwsCall, secret: str) -> bool:
    """Tell whether the signature of a request was made with a secret over just this request.

    S3 is let through: its bodies may be signed in pieces, and nothing here signs for S3 by hand.
    """
    if call.service == "s3":
        return True
    match = _HEADER.fullmatch(call.headers.get("Authorization", "").strip())
    if match is None:
        return False
    request = _canonical_request(call, match["names"])
    stamp = call.headers.get("X-Amz-Date", "")
    to_sign = "\n".join((_ALGORITHM, stamp, match["scope"], hashlib.sha256(request.encode()).hexdigest()))
    expected = hmac.new(_signing_key(secret, match["scope"]), to_sign.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, match["signature"])


def _canonical_request(call: AwsCall, names: str) -> str:
    path, _, query = call.raw_target.partition("?")
    headers = "".join(
        f"{name}:{_SPACES.sub(' ', call.headers.get(name, '').strip())}\n" for name in names.split(";")
    )
    digest = hashlib.sha256(call.body).hexdigest()
    return "\n".join(
        (call.method, quote(path, safe="/-_.~"), _canonical_query(query), headers, names, digest)
    )


def _canonical_query(query: str) -> str:
    pairs = (
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
