"""Answers in the words of each service's protocol."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from contact_manager.sandbox.aws_server.call import AwsCall

_BAD_REQUEST = 400
_FORBIDDEN = 403
_NOT_FOUND = 404
_SERVER_ERROR = 500
_JSON_TARGETED = frozenset({"ssm", "sqs"})


class RefusedError(Exception):
    """A request that the service refuses.

    Args:
        status: HTTP status.
        code: Error code as the service's model spells it.
        message: For people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bad_request(message: str, code: str = "BadRequestException") -> RefusedError:
    """Return a refusal with status 400."""
    return RefusedError(_BAD_REQUEST, code, message)


def not_found(message: str, code: str = "NotFoundException") -> RefusedError:
    """Return a refusal with status 404."""
    return RefusedError(_NOT_FOUND, code, message)


def forbidden(code: str, message: str) -> RefusedError:
    """Return a refusal with status 403."""
    return RefusedError(_FORBIDDEN, code, message)


def json_answer(content: Any, status: int = 200) -> Response:
    """Return a JSON body, with the request id header that every AWS answer has."""
    response = Response(json.dumps(content), status=status, content_type="application/json")
    response.headers["x-amzn-RequestId"] = str(uuid4())
    return response


def refuse(call: AwsCall, refused: RefusedError) -> Response:
    """Return an error in the form of the service's protocol.

    SES v2 is ``rest-json``, SSM and SQS are ``json``, STS is ``query``, S3 is ``rest-xml``
    (botocore service models, ``metadata.protocol``); of the services that are not served those with a form as
    their body are ``query``.
    """
    if call.service == "s3" or call.is_form:
        body = _s3_error(refused) if call.service == "s3" else _query_error(refused)
        return Response(body, status=refused.status, content_type="text/xml")
    content = {"message": refused.message}
    if call.service in _JSON_TARGETED:
        content["__type"] = refused.code
    response = json_answer(content, refused.status)
    response.headers["x-amzn-ErrorType"] = refused.code
    return response


def _query_error(refused: RefusedError) -> str:
    kind = "Sender" if refused.status < _SERVER_ERROR else "Receiver"
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>{kind}</Type><Code>{escape(refused.code)}</Code><Message>{escape(refused.message)}</Message>"
        f"</Error><RequestId>{uuid4()}</RequestId></ErrorResponse>"
    )


def _s3_error(refused: RefusedError) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{escape(refused.code)}</Code>'
        f"<Message>{escape(refused.message)}</Message><RequestId>{uuid4()}</RequestId></Error>"
    )
