"""The services of moto that are served, and no other part of moto."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Literal

from moto.moto_server.werkzeug_app import create_backend_app

from contact_manager.sandbox.aws_server.answers import RefusedError, not_found
from contact_manager.sandbox.aws_server.call import SES_PREFIX, AwsCall

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_Backend = Literal["s3", "sesv2", "sqs", "ssm", "sts"]

# Signing name to moto's name; SES v2 and the older SES share a signing name.
_BACKENDS: dict[str, _Backend] = {"s3": "s3", "ses": "sesv2", "sqs": "sqs", "ssm": "ssm", "sts": "sts"}


def refusal_of_service(call: AwsCall) -> RefusedError | None:
    """Return that a request is about something that is not served, or None."""
    if call.service in _BACKENDS and (call.service != "ses" or call.path.startswith(SES_PREFIX)):
        return None
    return not_found(
        f"The sandbox serves S3, SES v2, SQS, SSM and STS; {call.service} {call.operation} is none of them.",
        "UnknownOperationException",
    )


class ServedServices:
    """One application of moto for each service, made at the first request.

    moto's own dispatcher is passed by: it also serves ``/moto-api`` and whatever a path or a body looks like.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._apps: dict[str, WSGIApplication] = {}

    def __call__(
        self, service: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request to a service."""
        with self._lock:
            if service not in self._apps:
                self._apps[service] = create_backend_app(_BACKENDS[service])
        return self._apps[service](environ, start_response)
