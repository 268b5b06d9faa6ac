"""Amazon STS, SES v2, SSM, S3 and SQS on a loopback port."""

from contact_manager.sandbox.aws_server.contact_store import ContactEntry, Place
from contact_manager.sandbox.aws_server.credentials import (
    BASE_ACCESS_KEY_ID,
    BASE_ACCOUNT_ID,
    BASE_SECRET_ACCESS_KEY,
)
from contact_manager.sandbox.aws_server.faults import Fault
from contact_manager.sandbox.aws_server.object_age import age_objects
from contact_manager.sandbox.aws_server.roles import RoleRule
from contact_manager.sandbox.aws_server.sending_rules import SendingRules
from contact_manager.sandbox.aws_server.server import AwsServer
from contact_manager.sandbox.aws_server.state import LoggedRequest, ServerSettings

__all__ = [
    "BASE_ACCESS_KEY_ID",
    "BASE_ACCOUNT_ID",
    "BASE_SECRET_ACCESS_KEY",
    "AwsServer",
    "ContactEntry",
    "Fault",
    "LoggedRequest",
    "Place",
    "RoleRule",
    "SendingRules",
    "ServerSettings",
    "age_objects",
]
