"""What is sent is what SES takes, and what it answers is told in our words."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from contact_manager.adapters.aws.contact_json import MalformedError
from contact_manager.adapters.aws.ses_mailer import _SEND_PATH, SendQuota, message, read_quota
from contact_manager.domain.notification import Mail

MAIL = Mail(
    "changes@example.com",
    "ann@example.com",
    "Approved: Größe 🚀 (Fabrikam Rail)",
    "text {{amazonSESUnsubscribeUrl}}\n",
    "<p>html</p>",
    contact_list="people",
    topic="aws-announce",
)
BARE = Mail("changes@example.com", "ann@example.com", "subject", "text", "<p>html</p>")
NO_TOPIC = Mail(
    "changes@example.com", "ann@example.com", "subject", "text", "<p>html</p>", contact_list="people"
)


@pytest.fixture(scope="module")
def model() -> Any:
    """SendEmail as AWS describes it."""
    description = Loader().load_service_model("sesv2", "service-2")
    return ServiceModel(description, "sesv2").operation_model("SendEmail")


@pytest.mark.parametrize("mail", [MAIL, BARE, NO_TOPIC])
def test_a_message_has_the_shape_that_aws_describes(model: Any, mail: Mail) -> None:
    report = ParamValidator().validate(message(mail), model.input_shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("mail", [MAIL, BARE, NO_TOPIC])
def test_a_message_has_no_part_that_aws_does_not_know(model: Any, mail: Mail) -> None:
    def expect_known(value: Any, shape: Any) -> None:
        if isinstance(value, dict):
            assert value.keys() <= shape.members.keys()
            for name, part in value.items():
                expect_known(part, shape.members[name])

    expect_known(message(mail), model.input_shape)


def test_a_message_is_posted_where_aws_takes_it(model: Any) -> None:
    assert model.http == {"method": "POST", "requestUri": _SEND_PATH}


def test_a_message_goes_to_one_person_in_both_readings() -> None:
    assert message(BARE) == {
        "FromEmailAddress": "changes@example.com",
        "Destination": {"ToAddresses": ["ann@example.com"]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "subject", "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": "text", "Charset": "UTF-8"},
                    "Html": {"Data": "<p>html</p>", "Charset": "UTF-8"},
                },
            }
        },
    }


def test_the_way_out_of_a_list_is_left_to_ses() -> None:
    options = {"ContactListName": "people", "TopicName": "aws-announce"}
    assert message(MAIL)["ListManagementOptions"] == options
    assert message(NO_TOPIC)["ListManagementOptions"] == {"ContactListName": "people"}


@pytest.mark.parametrize(
    ("page", "quota"),
    [
        ({"MaxSendRate": 14.0}, SendQuota(14.0)),
        ({"MaxSendRate": 1, "Max24HourSend": 200, "SentLast24Hours": 20}, SendQuota(1.0, 200.0, 20.0)),
        ({"MaxSendRate": 1, "Max24HourSend": -1, "SentLast24Hours": 900000}, SendQuota(1.0, None, 900000.0)),
        ({"MaxSendRate": 1, "Max24HourSend": "200", "SentLast24Hours": None}, SendQuota(1.0)),
    ],
)
def test_the_quota_of_the_account_is_read(page: dict[str, Any], quota: SendQuota) -> None:
    assert read_quota({"SendQuota": page}) == quota


@pytest.mark.parametrize(
    ("quota", "is_used_up"),
    [
        (SendQuota(1.0, 200.0, 199.0), False),
        (SendQuota(1.0, 200.0, 200.0), True),
        (SendQuota(1.0, None, 10**9), False),
    ],
)
def test_a_quota_is_used_up_when_nothing_of_it_is_left(quota: SendQuota, is_used_up: bool) -> None:
    assert quota.is_used_up == is_used_up


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"SendQuota": None},
        {"SendQuota": []},
        {"SendQuota": {}},
        {"SendQuota": {"MaxSendRate": "14"}},
        {"SendQuota": {"MaxSendRate": 0}},
        {"SendQuota": {"MaxSendRate": -1}},
    ],
)
def test_an_account_without_a_rate_is_an_error(page: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        read_quota(page)
