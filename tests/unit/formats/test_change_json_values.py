"""Customers, people, durations and answers in a change file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contact_manager.domain.change import AttendeeRole, ManualAttendee
from contact_manager.formats.change_json.values import duration
from tests.unit.formats.change_files import announcement, flat, nested, problems_of, read


class TestCustomers:
    @pytest.mark.parametrize(
        "name",
        ["customers", "customerCodes", "customer_codes", "affectedCustomers", "affected_customers"],
    )
    @pytest.mark.parametrize("codes", [["hts", "cds"], "hts, cds", "hts,cds,", [" HTS ", "Cds", "hts"]])
    def test_codes_are_found_under_every_name_and_in_every_form(self, name: str, codes: Any) -> None:
        at_the_top = flat(customers=None) | {name: codes}
        in_metadata = nested()
        del in_metadata["changeMetadata"]["customerCodes"]
        in_metadata["changeMetadata"][name] = codes
        assert read(at_the_top).customers == ("hts", "cds")
        assert read(in_metadata).customers == ("hts", "cds")

    def test_several_lists_join_in_the_order_of_the_file(self) -> None:
        metadata = {"customers": ["d"], **nested()["changeMetadata"], "customerCodes": "E,a"}
        document = {"affected_customers": "c, a", "customers": ["b", "C"], "changeMetadata": metadata}
        assert read(document).customers == ("c", "a", "b", "d", "e")

    def test_names_of_customers_are_not_codes(self) -> None:
        document = flat(customers=None, customerNames=["hts"]) | {"customer names": ["hts"]}
        assert problems_of(document).keys() == {"$.customers"}

    def test_every_malformed_code_is_named_with_its_place(self) -> None:
        problems = problems_of(flat(customers=["hts", "a b", "ok", "ü", "", 5, None, "x" * 51]))
        assert problems.keys() == {f"$.customers[{index}]" for index in (1, 3, 4, 5, 6, 7)}
        assert "'a b'" in problems["$.customers[1]"]

    @pytest.mark.parametrize(
        ("codes", "path"),
        [
            pytest.param([], "$.customers", id="empty list"),
            pytest.param(",", "$.customers", id="only commas"),
            pytest.param("hts, c d", "$.customers", id="malformed in a text"),
            pytest.param({"hts": 3}, "$.customers", id="an object of numbers"),
            pytest.param({}, "$.customers", id="an empty object"),
            pytest.param([{}], "$.customers[0]", id="an empty object in a list"),
            pytest.param([{"code": 5}], "$.customers[0].code", id="an object with a number"),
            pytest.param(7, "$.customers", id="a number"),
            pytest.param(["hts,cds"], "$.customers[0]", id="a comma within a list"),
            pytest.param([["hts"]], "$.customers[0]", id="a list within a list"),
        ],
    )
    def test_what_names_no_customer_is_a_problem(self, codes: Any, path: str) -> None:
        assert problems_of(flat(customers=codes)).keys() == {path}

    @pytest.mark.parametrize(
        "customers",
        [
            [{"code": "hts"}, {"customer_code": "CDS"}],
            [{"customerCode": "hts", "name": "Harbor Trust"}, "cds"],
            [{"name": "hts"}, {"id": "cds", "name": "C"}],
            {"hts": {"name": "Harbor Trust"}, "cds": {}},
        ],
    )
    def test_customers_may_be_objects(self, customers: Any) -> None:
        assert read(flat(customers=customers)).customers == ("hts", "cds")

    def test_one_customer_may_be_one_object(self) -> None:
        assert read(flat(customers={"code": "hts", "name": "Harbor Trust"})).customers == ("hts",)

    def test_an_empty_list_beside_a_full_one_is_fine(self) -> None:
        assert read(flat(customerCodes=[])).customers == ("hts",)


class TestAttendees:
    @pytest.mark.parametrize(
        ("people", "expected"),
        [
            pytest.param(["a@b.example"], [("a@b.example", "required")], id="address"),
            pytest.param(["Ann Bo <a@b.example>"], [("a@b.example", "required")], id="name and address"),
            pytest.param([{"address": "a@b.example"}], [("a@b.example", "required")], id="object"),
            pytest.param(
                [{"email": "a@b.example", "type": "Optional"}],
                [("a@b.example", "optional")],
                id="email and type",
            ),
            pytest.param(
                "a@b.example; Cy <c@d.example>,e@f.example,",
                [("a@b.example", "required"), ("c@d.example", "required"), ("e@f.example", "required")],
                id="one text",
            ),
            pytest.param(
                '"Bo, Ann" <a@b.example>; c@d.example',
                [("a@b.example", "required"), ("c@d.example", "required")],
                id="a comma in a name",
            ),
            pytest.param(
                ["not an address", " "], [("not an address", "required")], id="invalid is kept, blank is not"
            ),
            pytest.param(
                ["A@B.example", "A@B.example"], [("A@B.example", "required")], id="as written, once"
            ),
            pytest.param(["a\r\n@b.example"], [("a @b.example", "required")], id="line break"),
        ],
    )
    def test_people_are_named_in_several_forms(self, people: Any, expected: list[tuple[str, str]]) -> None:
        attendees = tuple(ManualAttendee(address, AttendeeRole(role)) for address, role in expected)
        for document in (flat(attendees=people), nested(attendees=people), announcement(attendees=people)):
            assert read(document).meeting.attendees == attendees

    def test_what_is_no_person_is_a_problem_with_its_place(self) -> None:
        people = [
            1,
            None,
            ["a@b.example"],
            {},
            {"address": 5},
            {"address": "a@b.example", "role": "resource"},
        ]
        assert problems_of(flat(attendees=people)).keys() == {
            "$.attendees[0]",
            "$.attendees[1]",
            "$.attendees[2]",
            "$.attendees[3].address",
            "$.attendees[4].address",
            "$.attendees[5].role",
        }

    def test_a_control_character_in_an_address_is_a_problem(self) -> None:
        assert "U+0000" in problems_of(flat(attendees=["a\x00@b.example"]))["$.attendees[0]"]


class TestOptional:
    @pytest.mark.parametrize(
        ("people", "addresses"),
        [
            pytest.param(["a@b.example"], ["a@b.example"], id="address"),
            pytest.param("Ann Bo <A@b.example>", ["A@b.example"], id="name and address, as written"),
            pytest.param(
                'a@b.example; "Bo, Cy" <c@d.example>,', ["a@b.example", "c@d.example"], id="one text"
            ),
            pytest.param(["a@b.example", " ", "a@b.example"], ["a@b.example"], id="once, and no blanks"),
            pytest.param([], [], id="an empty list"),
            pytest.param("  ", [], id="a blank text"),
            pytest.param(None, [], id="null"),
        ],
    )
    def test_people_who_need_not_come_are_named_by_address(self, people: Any, addresses: list[str]) -> None:
        attendees = tuple(ManualAttendee(one, AttendeeRole.OPTIONAL) for one in addresses)
        for document in (flat(), nested(), announcement()):
            assert read(document | {"optional": people}).meeting.attendees == attendees

    def test_they_come_after_the_attendees_and_nobody_is_there_twice_in_one_role(self) -> None:
        needed = ["a@b.example", {"address": "c@d.example", "role": "optional"}]
        change = read(flat(attendees=needed, optional=["c@d.example", "a@b.example", "e@f.example"]))
        assert [(one.address, one.role.value) for one in change.meeting.attendees] == [
            ("a@b.example", "required"),
            ("c@d.example", "optional"),
            ("a@b.example", "optional"),
            ("e@f.example", "optional"),
        ]

    def test_every_entry_that_is_no_address_is_a_problem_with_its_place(self) -> None:
        people = ["a@b.example", "nobody", 5, None, {"address": "a@b.example"}, "Ann <>", "a b@c.example"]
        problems = problems_of(flat(optional=people))
        assert problems.keys() == {f"$.optional[{index}]" for index in (1, 2, 3, 4, 5, 6)}
        assert "'nobody' is not an e-mail address" in problems["$.optional[1]"]

    def test_one_text_is_refused_at_its_own_place(self) -> None:
        assert problems_of(flat(optional="a@b.example, nobody")).keys() == {"$.optional"}

    @pytest.mark.parametrize("people", [True, 5, {"address": "a@b.example"}])
    def test_what_is_neither_a_list_nor_a_text_is_a_problem(self, people: Any) -> None:
        assert "must be a list of people" in problems_of(flat(optional=people))["$.optional"]


class TestDurations:
    @pytest.mark.parametrize(
        ("written", "minutes"),
        [
            (60, 60),
            (60.0, 60),
            ("60", 60),
            ("90 minutes", 90),
            ("90 min", 90),
            ("90mins", 90),
            ("90m", 90),
            ("1 minute", 1),
            ("2h", 120),
            ("2 hrs", 120),
            ("1 Hour", 60),
            ("1h30m", 90),
            ("1h30", 90),
            ("1 hour 30 minutes", 90),
            ("1 hour and 30 minutes", 90),
            ("1 hour, 30 minutes", 90),
            ("1.5 hours", 90),
            ("0.25h", 15),
            ("24 hours", 1440),
            ("PT1H30M", 90),
            ("pt2h", 120),
            ("PT90M", 90),
            ("PT1.5H", 90),
            ("PT5400S", 90),
            ("P1D", 1440),
            ("P0DT1H", 60),
        ],
    )
    def test_a_duration_is_written_in_many_ways(self, written: float | str, minutes: int) -> None:
        assert read(flat(meetingDuration=written)).meeting.duration == timedelta(minutes=minutes)

    def test_two_hours_is_two_hours(self) -> None:
        assert read(flat(meetingDuration="2 hours")).meeting.duration == timedelta(minutes=120)

    @pytest.mark.parametrize("name", ["duration", "durationMinutes"])
    def test_the_invite_of_a_nested_change_has_two_names_for_it(self, name: str) -> None:
        assert read(nested(meetingInvite={name: "45"})).meeting.duration == timedelta(minutes=45)

    @pytest.mark.parametrize(
        ("written", "part"),
        [
            pytest.param("a while", "not a duration", id="words"),
            pytest.param("2 days", "not a duration", id="unknown unit"),
            pytest.param("-60", "not a duration", id="minus in a text"),
            pytest.param("30m1h", "not a duration", id="wrong order"),
            pytest.param("1h2h", "not a duration", id="hours twice"),
            pytest.param("10 20", "not a duration", id="two numbers"),
            pytest.param("1:30", "not a duration", id="a clock time"),
            pytest.param("1,5 hours", "not a duration", id="a decimal comma"),
            pytest.param("P", "not a duration", id="P alone"),
            pytest.param("PT", "not a duration", id="PT alone"),
            pytest.param("P1Y", "not a duration", id="a year"),
            pytest.param("9" * 100_000, "not a duration", id="endless"),
            pytest.param(True, "not a duration", id="true"),
            pytest.param([60], "not a duration", id="a list"),
            pytest.param(0, "longer than zero", id="zero"),
            pytest.param("0 hours", "longer than zero", id="zero in a text"),
            pytest.param("P0D", "longer than zero", id="zero in ISO 8601"),
            pytest.param(-60, "longer than zero", id="negative"),
            pytest.param(1441, "24 hours at most", id="a minute over a day"),
            pytest.param("25h", "24 hours at most", id="an hour over a day"),
            pytest.param(1e300, "24 hours at most", id="enormous"),
            pytest.param(0.5, "whole minutes", id="half a minute"),
            pytest.param("PT90S", "whole minutes", id="ninety seconds"),
        ],
    )
    def test_what_is_no_usable_duration_is_a_problem(self, written: Any, part: str) -> None:
        assert part in problems_of(flat(meetingDuration=written))["$.meetingDuration"]

    @settings(deadline=None)
    @given(st.integers(min_value=1, max_value=1440))
    def test_every_form_of_the_same_minutes_is_the_same(self, minutes: int) -> None:
        hours, rest = divmod(minutes, 60)
        forms = [
            minutes,
            str(minutes),
            f"{minutes} minutes",
            f"{hours}h{rest}m",
            f"PT{hours}H{rest}M",
            f"PT{minutes}M",
        ]
        forms.append(f"{hours} hours {rest} minutes")
        assert {duration(form) for form in forms} == {timedelta(minutes=minutes)}


class TestAnswers:
    @pytest.mark.parametrize("name", ["include_meeting", "meetingRequired"])
    @pytest.mark.parametrize(
        ("written", "wanted"),
        [
            *((yes, True) for yes in (True, "yes", "Yes", "true", "y", "1", " YES ", 1, "on")),
            *((no, False) for no in (False, "no", "No", "false", "N", "0", 0, "off")),
            *((nothing, None) for nothing in ("", "  ", None)),
        ],
    )
    def test_yes_and_no_have_many_forms(self, name: str, written: Any, wanted: bool | None) -> None:
        document = flat() | {name: written}
        assert read(document).meeting.wanted is wanted

    @pytest.mark.parametrize("written", ["maybe", "ja", 2, -1, 2.5, ["yes"], {}])
    def test_anything_else_is_a_problem(self, written: Any) -> None:
        assert "'yes' or 'no'" in problems_of(flat(meetingRequired=written))["$.meetingRequired"]

    def test_a_no_wins_over_a_yes_beside_it(self) -> None:
        assert read(flat(include_meeting=True, meetingRequired="no")).meeting.wanted is False


@pytest.mark.parametrize(("written", "version"), [(3, "3"), (1.5, "1.5"), ("v2", "v2"), (None, ""), ("", "")])
def test_a_version_is_text(written: Any, version: str) -> None:
    assert read(flat() | {"version": written}).version == version


def test_a_status_is_in_lower_case() -> None:
    assert read(flat(status=" Approved ")).status == "approved"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("network", "network"),
        (" Network  Change ", "network-change"),
        ("DB_upgrade-2", "db_upgrade-2"),
        ("../secrets", ""),
        ("_partials", ""),
        ("größe", ""),
        ("x" * 65, ""),
        ("a\x00b", ""),
        (5, ""),
        ([], ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_change_type_is_a_safe_name_or_none(written: Any, name: str) -> None:
    assert read(flat() | {"changeType": written}).change_type == name
