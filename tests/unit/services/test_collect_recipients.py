"""Reading all customers, on fakes: what is decided from the configuration and not from the lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contact_manager.domain.change import ManualAttendee
from contact_manager.domain.customer import Customer
from contact_manager.domain.recipients import TopicSelection
from contact_manager.errors import RemoteServiceError
from contact_manager.services.collect_recipients import Audience, Collected, collect_recipients
from contact_manager.settings import Settings
from tests.fakes.worlds import TOPIC, FakeDirectory, contact_list, customer

DENIED = RemoteServiceError("the role refused", service="sts", operation="AssumeRole", code="AccessDenied")
GUEST = "guest@example.org"
OPEN, LAB, DEV = customer("hts"), customer("lab", "tester@example.com"), customer("dev", "dan@example.com")


async def collect(*codes: str, customers: tuple[Customer, ...], failing: tuple[str, ...] = ()) -> Collected:
    settings = Settings("config.json", customers={known.code: known for known in customers})
    lists = {known.code: contact_list("ann@example.com") for known in customers}
    directory = FakeDirectory(lists, dict.fromkeys(failing, DENIED))
    audience = Audience(codes, TopicSelection(TOPIC), (ManualAttendee(GUEST),))
    return await collect_recipients(audience, settings, directory)


@pytest.mark.parametrize(
    ("codes", "customers", "failing", "comes"),
    [
        pytest.param(("hts", "lab"), (OPEN, LAB), ("hts",), True, id="the unrestricted one unreadable"),
        pytest.param(("hts", "lab"), (OPEN, LAB), ("lab",), True, id="the restricted one unreadable"),
        pytest.param(("lab", "dev"), (LAB, DEV), ("lab",), False, id="all restricted, one unreadable"),
        pytest.param(("lab", "unknown"), (LAB,), (), False, id="restricted, and one not configured"),
        pytest.param(
            ("lab", "dev"), (LAB, replace(DEV, role_arn="")), (), False, id="restricted, one without a role"
        ),
        pytest.param(("lab",), (OPEN, LAB), (), False, id="only the restricted one chosen"),
        pytest.param(("hts",), (OPEN, LAB), (), True, id="only the unrestricted one chosen"),
    ],
)
async def test_whether_a_manual_attendee_may_come_is_a_matter_of_configuration(
    codes: tuple[str, ...], customers: tuple[Customer, ...], failing: tuple[str, ...], *, comes: bool
) -> None:
    collected = await collect(*codes, customers=customers, failing=failing)
    assert (GUEST in [person.address for person in collected.recipients.invited]) is comes
    left_out = [person.reason.value for person in collected.recipients.excluded if person.address == GUEST]
    assert left_out == ([] if comes else ["not-on-restricted-list"])
