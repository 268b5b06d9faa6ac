"""Slips in the configuration: errors, warnings of every run, and what ``config check`` says besides."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import Session

from contact_manager.errors import ConfigError
from contact_manager.formats.config_json.remarks import REGIONS
from tests.unit.formats.config_files import ROLE, config, problems_of, read

OTHER_ROLE = "arn:aws:iam::111122223333:role/other"


@pytest.mark.parametrize(
    ("section", "key", "known"),
    [
        ("hts", "ses_role_arm", "ses_role_arn"),
        ("hts", "externalid", "external_id"),
        ("hts", "externalId", "external_id"),
        ("hts", "sesRoleArn", "ses_role_arn"),
        ("hts", "regoin", "region"),
        ("hts", "restricted_recipents", "restricted_recipients"),
        ("hts", "contact-list-name", "contact_list_name"),
        ("email_config", "sender_adress", "sender_address"),
        ("email_config", "meeting_organiser", "meeting_organizer"),
        ("s3_config", "bucketname", "bucket_name"),
        ("notification_config", "lease_second", "lease_seconds"),
        ("", "emal_config", "email_config"),
        ("", "meeting_confg", "meeting_config"),
        ("", "awsRegion", "aws_region"),
    ],
)
def test_a_key_that_is_nearly_a_known_one_is_a_warning_with_it(section: str, key: str, known: str) -> None:
    if section == "hts":
        document, path = config({key: "x"}), f"$.customer_mappings.hts.{key}"
    elif section:
        document, path = config(**{section: {key: "x"}}), f"$.{section}.{key}"
    else:
        document, path = config(**{key: {}}), f"$.{key}"
    assert read(document).warnings == (f"{path} is ignored; did you mean {known!r}?",)


def test_a_misspelled_topic_of_the_mails_is_a_warning() -> None:
    [warning] = read(config(notification_config={"topics": {"anouncement": "x"}})).warnings
    assert warning.startswith("$.notification_config.topics.anouncement is ignored; did you mean 'announ")


def test_slips_beside_errors_are_kept_with_them() -> None:
    with pytest.raises(ConfigError) as caught:
        read({"custmer_mappings": {}, "aws_region": "us-eest-1"})
    assert [problem.path for problem in caught.value.problems] == ["$.customer_mappings"]
    assert [warning.split()[0] for warning in caught.value.warnings] == [
        "$.custmer_mappings",
        "$.aws_region:",
    ]


@pytest.mark.parametrize(
    "document",
    [
        config({"notes": "x", "owner": "y", "cost_center": 7, "slack": {"ses_role_arm": 1}}),
        config(
            contact_config={"ses_role_arm": 1},
            route53_config=[1],
            dashboards={},
            sqs_config={},
            ses_config={},
            config={},
        ),
        config(email_config={"reply_to": "x", "footer": 1}, s3_config={"prefix": "x"}),
    ],
)
def test_other_keys_are_kept_and_ignored(document: dict[str, Any]) -> None:
    assert read(document).warnings == ()


@pytest.mark.parametrize(
    ("region", "hint"),
    [
        ("us-eest-1", "us-east-1"),
        ("eu-wset-1", "eu-west-1"),
        ("ap-southeast-22", "ap-southeast-2"),
        ("us-east-9", "us-east"),
    ],
)
def test_a_region_that_is_not_known_is_a_warning_with_the_nearest(region: str, hint: str) -> None:
    warnings = read(config({"region": region}, aws_region=region)).warnings
    assert [warning.split(":")[0] for warning in warnings] == [
        "$.aws_region",
        "$.customer_mappings.hts.region",
    ]
    assert all(f"did you mean '{hint}" in warning for warning in warnings)


def test_a_region_that_is_like_no_other_is_a_warning_without_a_guess() -> None:
    [warning] = read(config(aws_region="xx-moonbase-1")).warnings
    assert "did you mean" not in warning


def test_every_region_that_botocore_knows_is_known() -> None:
    session = Session()
    known = {
        region
        for partition in session.get_available_partitions()
        for service in ("sts", "s3", "ssm")
        for region in session.get_available_regions(service, partition)
    }
    assert known <= REGIONS


@pytest.mark.parametrize(
    ("first", "second", "general"),
    [
        ({"region": "us-east-1"}, {"region": "us-east-1"}, None),
        ({"region": "us-east-1"}, {}, "us-east-1"),
        ({}, {}, "us-east-1"),
        ({}, {}, None),
        ({"contact_list_name": "a"}, {"contact_list_name": "b"}, "us-east-1"),
    ],
)
def test_two_customers_with_one_role_in_one_region_are_an_error(
    first: dict[str, Any], second: dict[str, Any], general: str | None
) -> None:
    customers = {"hts": {"ses_role_arn": ROLE, **first}, "cds": {"ses_role_arn": f" {ROLE}", **second}}
    problems = problems_of({"customer_mappings": customers, "aws_region": general})
    assert problems.keys() == {"$.customer_mappings.cds.ses_role_arn"}
    assert "hts" in problems["$.customer_mappings.cds.ses_role_arn"]


def test_one_role_in_two_regions_is_two_contact_lists() -> None:
    customers = {code: {"ses_role_arn": ROLE, "region": region} for code, region in
                 (("hts", "us-east-1"), ("cds", "eu-west-1"))}  # fmt: skip
    assert len(read({"customer_mappings": customers}).customers) == 2


def test_customers_without_a_role_are_not_the_same() -> None:
    assert len(read({"customer_mappings": {"a": {}, "b": {"ses_role_arn": ""}}}).customers) == 2


def test_two_roles_of_one_account_and_region_are_a_remark() -> None:
    customers = {"hts": {"ses_role_arn": ROLE}, "cds": {"ses_role_arn": OTHER_ROLE}}
    remarks = read({"customer_mappings": customers, "aws_region": "us-east-1"}).remarks
    assert any("$.customer_mappings.cds is in the account and region of 'hts'" in one for one in remarks)


@pytest.mark.parametrize(
    ("document", "remark"),
    [
        (config(), "$.customer_mappings.hts has no ses_role_arn"),
        (config({"ses_role_arn": ROLE}), "no external_id at $.customer_mappings.hts"),
        (config(), "$.email_config.meeting_organizer is not set"),
        (config(), "$.email_config.sender_address is not set"),
        (config({"environment": "prodution"}), "did you mean 'production'?"),
        *(
            (config(email_config={"portal_base_url": url}), "$.email_config.portal_base_url is not")
            for url in ("not-a-url", "portal.example.com", "ftp://x.example", "https://", "https://a b", "http://[:")
        ),
        *(
            (config(s3_config={"bucket_name": name}), "$.s3_config.bucket_name")
            for name in ("ab", "My_Bucket", "a..b", "192.168.0.1", "-abc", "abc-", "s3://bucket", "x" * 64)
        ),
    ],
)  # fmt: skip
def test_what_looks_like_a_mistake_is_said_by_the_check(document: dict[str, Any], remark: str) -> None:
    settings = read(document)
    assert any(remark in one for one in settings.remarks)
    assert not any(remark in one for one in settings.warnings), "not in every run"


def test_a_set_up_without_slips_has_no_remarks() -> None:
    document = config(
        {"ses_role_arn": ROLE, "external_id": "x-1", "environment": "blue", "region": "us-east-1"},
        email_config={
            "sender_address": "a@b.example",
            "meeting_organizer": "c@d.example",
            "portal_base_url": "http://portal.internal:8080/x",
        },
        s3_config={"bucket_name": "my.bucket-1"},
    )
    settings = read(document)
    assert (settings.warnings, settings.remarks) == ((), ())
