"""Who is invited, and why somebody is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_manager.domain.change import AttendeeRole, ManualAttendee
from contact_manager.domain.customer import Customer
from contact_manager.domain.recipients import (
    ExclusionReason,
    Recipient,
    RecipientSource,
    TopicSelection,
    allowed_besides,
    decide_recipients,
)
from contact_manager.domain.subscription import OPT_IN, OPT_OUT, Contact, ContactList
from tests.fakes.worlds import TOPIC, contact, contact_list, customer

SELECTION = TopicSelection(TOPIC)
HTS, ACME, LAB = customer("hts"), customer("acme"), customer("lab", "tester@example.com")


@pytest.mark.parametrize(
    ("entry", "default", "reason"),
    [
        pytest.param(contact("a@example.com", OPT_IN), OPT_OUT, None, id="explicit opt-in"),
        pytest.param(contact("a@example.com", None), OPT_IN, None, id="default opt-in"),
        pytest.param(contact("a@example.com", OPT_OUT), OPT_IN, "unsubscribed", id="explicit opt-out"),
        pytest.param(contact("a@example.com", None), OPT_OUT, "unsubscribed", id="default opt-out"),
        pytest.param(
            contact("a@example.com", OPT_IN, unsubscribe_all=True),
            OPT_IN,
            "unsubscribed-all",
            id="left everything",
        ),
        pytest.param(contact("a@@example.com"), OPT_IN, "invalid-address", id="not an address"),
        pytest.param(contact("Boss@Example.com"), OPT_IN, "organizer", id="the organizer"),
    ],
)
def test_every_contact_is_in_or_out_with_a_reason(entry: Contact, default: str, reason: str | None) -> None:
    decided = decide_recipients(
        [(HTS, contact_list(entry, default=default))], SELECTION, organizer="boss@example.com"
    )
    assert [one.reason.value for one in decided.excluded] == ([reason] if reason else [])
    assert len(decided.invited) == (0 if reason else 1)


def test_one_person_in_three_customers_is_invited_once_through_all_of_them() -> None:
    decided = decide_recipients(
        [
            (HTS, contact_list("Ann@Example.com")),
            (ACME, contact_list("  ann@example.COM ")),
            (customer("zoo"), contact_list("ann@example.com")),
        ],
        SELECTION,
    )
    assert decided.invited == (
        Recipient("ann@example.com", AttendeeRole.REQUIRED, ("acme", "hts", "zoo"), RecipientSource.TOPIC),
    )


def test_an_allow_list_limits_only_who_comes_through_its_own_customer() -> None:
    decided = decide_recipients(
        [
            (LAB, contact_list("tester@example.com", "ann@example.com", "bob@example.com")),
            (HTS, contact_list("ann@example.com")),
        ],
        SELECTION,
    )
    assert [(one.address, one.customers) for one in decided.invited] == [
        ("ann@example.com", ("hts",)),
        ("tester@example.com", ("lab",)),
    ]
    assert [(one.address, one.customer, one.reason.value) for one in decided.excluded] == [
        ("ann@example.com", "lab", "not-on-restricted-list"),
        ("bob@example.com", "lab", "not-on-restricted-list"),
    ]


def test_an_allow_list_may_leave_nobody() -> None:
    decided = decide_recipients([(LAB, contact_list("ann@example.com"))], SELECTION)
    assert decided.invited == ()


def test_a_suppressed_address_is_left_out() -> None:
    listed = contact_list("Ann@example.com", suppressed=frozenset({"ann@example.com"}))
    decided = decide_recipients([(HTS, listed)], SELECTION)
    assert [one.reason for one in decided.excluded] == [ExclusionReason.SUPPRESSED]


def test_an_unsubscribe_counts_though_the_list_holds_the_person_twice() -> None:
    for entries in (
        (contact("ann@example.com"), contact("ANN@example.com", OPT_OUT)),
        (contact("ANN@example.com", OPT_OUT), contact("ann@example.com")),
    ):
        decided = decide_recipients([(HTS, contact_list(*entries))], SELECTION)
        assert decided.invited == ()
        assert [one.reason for one in decided.excluded] == [ExclusionReason.UNSUBSCRIBED]


def test_an_unsubscribe_at_one_customer_does_not_count_for_another() -> None:
    decided = decide_recipients(
        [
            (HTS, contact_list(contact("ann@example.com", unsubscribe_all=True))),
            (ACME, contact_list("ann@example.com")),
        ],
        SELECTION,
    )
    assert [(one.address, one.customers) for one in decided.invited] == [("ann@example.com", ("acme",))]


def test_manual_attendees_are_invited_besides_the_subscribers() -> None:
    decided = decide_recipients(
        [(HTS, contact_list("ann@example.com"))],
        SELECTION,
        manual=(
            ManualAttendee("Bob@example.com", AttendeeRole.OPTIONAL),
            ManualAttendee("ann@example.com"),
            ManualAttendee("boss@example.com"),
            ManualAttendee("not an address"),
        ),
        organizer="boss@example.com",
    )
    assert [(one.address, one.role.value, one.source.value) for one in decided.invited] == [
        ("ann@example.com", "required", "topic"),
        ("bob@example.com", "optional", "manual"),
    ]
    assert [(one.address, one.customer, one.reason.value) for one in decided.excluded] == [
        ("boss@example.com", None, "organizer"),
        ("not an address", None, "invalid-address"),
    ]


ONLY_TESTER, ONLY_OTHERS = customer("lab", "tester@example.com"), customer("dev", "dan@example.com")


@pytest.mark.parametrize(
    ("customers", "comes"),
    [
        pytest.param([HTS], True, id="unrestricted"),
        pytest.param([HTS, ONLY_TESTER], True, id="one of two restricted"),
        pytest.param([ONLY_TESTER], False, id="the only one restricted"),
        pytest.param([ONLY_TESTER, ONLY_OTHERS], False, id="all restricted"),
        pytest.param([ONLY_TESTER, customer("qa", "guest@example.org")], True, id="on one of the lists"),
        pytest.param([], True, id="no customer known"),
    ],
)
@pytest.mark.parametrize("role", [AttendeeRole.REQUIRED, AttendeeRole.OPTIONAL])
@pytest.mark.parametrize("written", ["guest@example.org", " Guest@Example.ORG "])
def test_a_manual_attendee_comes_unless_every_customer_is_restricted_to_others(
    customers: list[Customer], written: str, role: AttendeeRole, *, comes: bool
) -> None:
    decided = decide_recipients(
        [], SELECTION, manual=(ManualAttendee(written, role),), allowed=allowed_besides(customers)
    )
    assert [one.address for one in decided.invited] == (["guest@example.org"] if comes else [])
    left_out = [(one.address, one.customer, one.reason.value) for one in decided.excluded]
    assert left_out == ([] if comes else [("guest@example.org", None, "not-on-restricted-list")])


def test_the_reasons_of_a_manual_attendee_are_told_apart_where_all_customers_are_restricted() -> None:
    decided = decide_recipients(
        [(ONLY_TESTER, contact_list("tester@example.com"))],
        SELECTION,
        manual=tuple(map(ManualAttendee, ("boss@example.com", "no address", "TESTER@example.com"))),
        allowed=allowed_besides([ONLY_TESTER]),
        organizer="boss@example.com",
    )
    assert [(one.address, one.source.value) for one in decided.invited] == [("tester@example.com", "topic")]
    assert [one.reason.value for one in decided.excluded] == ["organizer", "invalid-address"]


def test_who_is_named_as_optional_stays_required_when_anything_else_says_so() -> None:
    decided = decide_recipients(
        [(HTS, contact_list("ann@example.com"))],
        SELECTION,
        manual=(
            ManualAttendee("Ann@example.com", AttendeeRole.OPTIONAL),
            ManualAttendee("bob@example.com"),
            ManualAttendee("BOB@example.com", AttendeeRole.OPTIONAL),
            ManualAttendee("cat@example.com", AttendeeRole.OPTIONAL),
        ),
    )
    assert [(one.address, one.role.value) for one in decided.invited] == [
        ("ann@example.com", "required"),
        ("bob@example.com", "required"),
        ("cat@example.com", "optional"),
    ]


def test_required_wins_over_optional() -> None:
    selection = TopicSelection(TOPIC, ("general-updates",))
    listed = ContactList(
        "main",
        {TOPIC: OPT_OUT, "general-updates": OPT_OUT},
        (
            Contact("ann@example.com", {TOPIC: OPT_IN, "general-updates": OPT_IN}),
            Contact("bob@example.com", {"general-updates": OPT_IN}),
        ),
    )
    other = ContactList("main", {TOPIC: OPT_IN}, (Contact("bob@example.com", {}),))
    alone = decide_recipients([(HTS, listed)], selection)
    assert [one.role.value for one in alone.invited] == ["required", "optional"]
    both = decide_recipients([(HTS, listed), (ACME, other)], selection)
    assert [one.role.value for one in both.invited] == ["required", "required"]


@given(st.lists(st.sampled_from(["ann", "ANN ", " Bob", "cat", "b@d"]), max_size=12))
def test_nobody_is_lost_and_nobody_is_in_twice(names: list[str]) -> None:
    lists = [(customer(f"c{i}"), contact_list(f"{name}@example.com")) for i, name in enumerate(names)]
    decided = decide_recipients(lists, SELECTION)
    addresses = [one.address for one in decided.invited]
    assert addresses == sorted(set(addresses))
    seen = {code for one in decided.invited for code in one.customers}
    seen |= {str(one.customer) for one in decided.excluded}
    assert seen == {one.code for one, _ in lists}
