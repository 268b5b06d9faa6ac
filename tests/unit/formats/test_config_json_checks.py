"""Customers and service URLs of the configuration."""

from __future__ import annotations

from typing import Any

import pytest

from contact_manager.formats.config_json import check_service_url
from tests.unit.formats.config_files import QUEUE, ROLE, config, customer_of, problems_of, read


class TestCustomers:
    def test_a_code_is_folded(self) -> None:
        assert read({"customer_mappings": {" HTS ": {"customer_code": "Hts"}}}).customers.keys() == {"hts"}

    def test_two_keys_that_are_one_code_are_a_problem(self) -> None:
        problems = problems_of({"customer_mappings": {"hts": {}, "Hts": {}, "HTS": {}}})
        assert problems.keys() == {"$.customer_mappings.Hts", "$.customer_mappings.HTS"}

    def test_a_code_that_contradicts_its_key_is_a_problem(self) -> None:
        assert problems_of(config({"customer_code": "cds"})).keys() == {
            "$.customer_mappings.hts.customer_code"
        }

    def test_a_customer_without_a_region_has_the_general_one(self) -> None:
        assert customer_of({}, aws_region="eu-west-1").region == "eu-west-1"
        assert customer_of({"region": "us-gov-west-1"}, aws_region="eu-west-1").region == "us-gov-west-1"

    @pytest.mark.parametrize(
        "entry", [{}, {"ses_role_arn": ""}, {"ses_role_arn": None}, {"ses_role_arn": " "}]
    )
    def test_a_customer_without_a_role_is_kept(self, entry: dict[str, Any]) -> None:
        assert customer_of(entry).role_arn == ""

    def test_no_allow_list_and_an_empty_one_restrict_nobody(self) -> None:
        assert not customer_of({}).is_restricted
        assert not customer_of({"restricted_recipients": []}).is_restricted

    @pytest.mark.parametrize("address", ["", "nobody", "a@b", "a@@b.example", "Ann <a@b.example>"])
    def test_an_allow_list_never_loses_an_entry_silently(self, address: str) -> None:
        problems = problems_of(config({"restricted_recipients": ["a@b.example", address]}))
        assert problems.keys() == {"$.customer_mappings.hts.restricted_recipients[1]"}

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("ses_role_arn", ROLE),
            ("ses_role_arn", "arn:aws-cn:iam::111122223333:role/a/b_c/Reader+=,.@-"),
            ("ses_role_arn", "arn:aws-us-gov:iam::111122223333:role/aws-reserved/sso.amazonaws.com/Reader"),
            ("identity_center_role_arn", ROLE),
            ("sqs_queue_arn", QUEUE),
            ("sqs_queue_arn", "arn:aws:sqs:eusc-de-east-1:111122223333:changes.fifo"),
            ("external_id", "a:b/c-d_e+f=g,h.i@j"),
            ("contact_list_name", "hts-contacts_1"),
            ("region", "ap-southeast-2"),
        ],
    )
    def test_well_formed_names_are_accepted(self, key: str, value: str) -> None:
        assert customer_of({key: value}).code == "hts"

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("ses_role_arn", "reader"),
            ("ses_role_arn", "arn:aws:iam::1111:role/reader"),
            ("ses_role_arn", "arn:aws:iam::111122223333:user/reader"),
            ("ses_role_arn", "arn:aws-nowhere:iam::111122223333:role/reader"),
            ("ses_role_arn", "arn:aws:iam::111122223333:role/"),
            ("ses_role_arn", "arn:aws:iam::111122223333:role/a b"),
            ("ses_role_arn", "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/reader"),
            ("identity_center_role_arn", "x"),
            ("sqs_queue_arn", "https://sqs.us-east-1.amazonaws.com/111122223333/changes"),
            ("external_id", "x"),
            ("external_id", "a b"),
            ("external_id", "x" * 1225),
            ("contact_list_name", "a b"),
            ("contact_list_name", "x" * 65),
            ("region", "us-east"),
            ("region", "US-EAST-1"),
        ],
    )
    def test_malformed_names_are_problems(self, key: str, value: str) -> None:
        assert problems_of(config({key: value})).keys() == {f"$.customer_mappings.hts.{key}"}


class TestServiceUrls:
    @pytest.mark.parametrize(
        ("written", "url"),
        [
            ("https://graph.microsoft.com/v1.0", "https://graph.microsoft.com/v1.0"),
            ("https://graph.example.com:8443/v1.0/", "https://graph.example.com:8443/v1.0"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("http://127.8.9.10/x", "http://127.8.9.10/x"),
            ("http://[::1]:5000", "http://[::1]:5000"),
            ("http://localhost:5000/v1.0", "http://localhost:5000/v1.0"),
            ("HTTP://LOCALHOST:5000", "HTTP://LOCALHOST:5000"),
        ],
    )
    def test_https_and_this_machine_are_allowed(self, written: str, url: str) -> None:
        assert check_service_url(written) == url

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "graph.microsoft.com",
            "ftp://graph.microsoft.com",
            "file:///etc/passwd",
            "https://",
            "https:///v1.0",
            "http://graph.microsoft.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://localhost@example.com",
            "http://128.0.0.1",
            "http://127.1",
            "http://2130706433",
            "http://0.0.0.0",
            "http://[::ffff:127.0.0.1]",
            "http://[::]",
            "http://[::1",
            "http://localhost:port",
            "http://localhost:99999",
            "https://user:secret@example.com",
            "http://user:secret@127.0.0.1",
            "http://127.0.0.1:80@example.com",
            "http://localhost.",
            "http://127.0.0.1.",
            "http://localhost.evil.example",
            "http://localhost%2eevil.example",
            "http://localhost%00.evil.example",
            "http://xn--localhost.example",
            "http://ⓛocalhost",
            "http://\uff11\uff12\uff17.0.0.1",
            "http://0x7f.0.0.1",
            "http://[::1%25eth0]",
            "http://[::1].evil.example",
            "http://[::127.0.0.1]",
            "https://a..b",
            "https://.",
            "https://ex<am>ple.com",
            "https://graph\u200b.example.com",
            "https://graph\uff0fexample.com",
            "https://example.com:0",
            "https://example.com?token=secret",
            "https://example.com/#secret",
            "https://exam\\ple.com",
            "https://example.com/a b",
            "https://example.com\r\nX-Header: 1",
        ],
    )
    def test_everything_else_is_refused_without_repeating_it(self, url: str) -> None:
        with pytest.raises(ValueError, match="must be") as caught:
            check_service_url(url)
        assert "secret" not in str(caught.value)


def test_a_misspelled_allow_list_is_told() -> None:
    settings = read(config({"restricted_recipient": ["ann@example.com"], "note": "kept"}))
    assert len(settings.warnings) == 1
    assert "$.customer_mappings.hts.restricted_recipient" in settings.warnings[0]
    assert "'restricted_recipients'" in settings.warnings[0]


def test_what_is_empty_or_null_counts_as_not_given() -> None:
    customer = customer_of({"external_id": "", "contact_list_name": "", "restricted_recipients": None})
    assert (customer.external_id, customer.contact_list_name) == (None, None)
    assert not customer.is_restricted
