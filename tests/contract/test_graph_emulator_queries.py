"""The stand-in for Microsoft Graph: finding events again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.graph_lab import KEY, GraphClient, event_body, open_client, path_of, with_key

EXPAND = f"singleValueExtendedProperties($filter=id eq '{KEY}')"


@pytest.fixture
async def client() -> AsyncIterator[GraphClient]:
    async with open_client() as opened:
        yield opened


def by_key(value: str, name: str = KEY) -> str:
    return f"singleValueExtendedProperties/Any(ep: ep/id eq '{name}' and ep/value eq '{value}')"


async def subjects(client: GraphClient, **options: str) -> list[str]:
    answer = await client.ask("GET", query={f"${name}": value for name, value in options.items()})
    assert answer.status == 200, answer.body
    return answer.subjects


async def create(client: GraphClient, subject: str, *, day: int = 14, key: str = "") -> str:
    times = {
        name: {"dateTime": f"2031-01-{day}T{hour}:00:00", "timeZone": "UTC"}
        for name, hour in (("start", 18), ("end", 20))
    }
    marked = {"singleValueExtendedProperties": with_key(key)} if key else {}
    made = await client.create(event_body(subject=subject, **times, **marked))
    return str(made["id"])


async def test_an_event_is_found_by_its_extended_property_only(client: GraphClient) -> None:
    await create(client, "one", key="chg-1")
    await create(client, "two", key="chg-2")
    await create(client, "plain")
    assert await subjects(client, filter=by_key("chg-1")) == ["one"]
    assert await subjects(client, filter=by_key("chg-3")) == []


async def test_a_value_is_compared_without_case_and_a_name_with_case(client: GraphClient) -> None:
    await create(client, "one", key="chg-1")
    assert await subjects(client, filter=by_key("CHG-1")) == ["one"]
    assert await subjects(client, filter=by_key("chg-1", KEY.replace("Contact", "CONTACT"))) == []


async def test_a_quote_in_a_value_is_doubled(client: GraphClient) -> None:
    await create(client, "one", key="o'brien' or 'a' eq 'a")
    assert await subjects(client, filter=by_key("o''brien'' or ''a'' eq ''a")) == ["one"]


async def test_other_comparisons_and_their_conjunction_are_understood(client: GraphClient) -> None:
    await create(client, "early", day=10)
    await create(client, "late", day=20, key="chg-1")
    after = "start/dateTime ge '2031-01-15T00:00:00'"
    assert await subjects(client, filter=after) == ["late"]
    assert await subjects(client, filter="end/dateTime le '2031-01-15T00:00:00Z'") == ["early"]
    assert await subjects(client, filter=f"subject eq 'late' and {after} and {by_key('chg-1')}") == ["late"]
    assert await subjects(client, filter=f"{by_key('chg-1')} and subject eq 'early'") == []
    [event] = (await client.ask("GET", query={"$filter": after})).body["value"]
    assert await subjects(client, filter=f"iCalUId eq '{event['iCalUId']}'") == ["late"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("transactionId eq 'one'", "UnsupportedEntityExpression"),
        ("attendees/any(a:a/emailAddress/address eq 'ann@example.com')", "UnsupportedEntityExpression"),
        ("startswith(subject, 'one')", "UnsupportedEntityExpression"),
        ("subject eq 'one' or subject eq 'two'", "UnsupportedEntityExpression"),
        ("subject eq 'one' subject eq 'two'", "UnsupportedEntityExpression"),
        ("subject eq 'one' and", "UnsupportedEntityExpression"),
        ("subject eq one", "UnsupportedEntityExpression"),
        (f"id eq '{KEY}'", "ErrorInvalidProperty"),
    ],
)
async def test_a_filter_that_is_not_supported_is_refused(client: GraphClient, text: str, code: str) -> None:
    assert (await client.ask("GET", query={"$filter": text})).refusal == (400, code)


async def test_extended_properties_are_shown_only_when_expanded_by_id(client: GraphClient) -> None:
    event_id = await create(client, "one", key="chg-1")
    plain = await client.get(event_id)
    bare = await client.get(event_id, {"$expand": "singleValueExtendedProperties"})
    other = await client.get(event_id, {"$expand": EXPAND.replace("ManagerKey", "ManagerState")})
    asked = await client.get(event_id, {"$expand": EXPAND})
    shown = ["singleValueExtendedProperties" in one for one in (plain, bare, other, asked)]
    assert shown == [False, False, False, True]
    assert asked["singleValueExtendedProperties"] == [{"id": KEY, "value": "chg-1"}]
    [found] = (await client.ask("GET", query={"$filter": by_key("chg-1"), "$expand": EXPAND})).body["value"]
    assert found["singleValueExtendedProperties"] == [{"id": KEY, "value": "chg-1"}]
    [unasked] = (await client.ask("GET", query={"$filter": by_key("chg-1")})).body["value"]
    assert "singleValueExtendedProperties" not in unasked


async def test_only_the_selected_members_are_shown_and_what_was_expanded(client: GraphClient) -> None:
    event_id = await create(client, "one", key="chg-1")
    lean = await client.get(event_id, {"$select": "subject, attendees"})
    assert set(lean) == {"id", "@odata.etag", "subject", "attendees"}
    both = await client.get(event_id, {"$select": "subject", "$expand": EXPAND})
    assert set(both) == {"id", "@odata.etag", "subject", "singleValueExtendedProperties"}


async def test_pages_lead_to_the_end_and_keep_the_question(client: GraphClient) -> None:
    for number in range(7):
        await create(client, f"event {number}", key="chg-1" if number else "chg-2")
    query = {"$filter": by_key("chg-1"), "$top": "2", "$select": "subject"}
    page, sizes, seen = await client.ask("GET", query=query), [], list[str]()
    while True:
        sizes.append(len(page.subjects))
        seen += page.subjects
        if "@odata.nextLink" not in page.body:
            break
        page = await client.follow(page.body["@odata.nextLink"])
    assert sizes == [2, 2, 2]
    assert seen == [f"event {number}" for number in range(1, 7)]


async def test_a_page_holds_ten_events_unless_asked_otherwise(client: GraphClient) -> None:
    for number in range(11):
        await create(client, f"event {number}")
    page = await client.ask("GET")
    assert (len(page.subjects), "@odata.nextLink" in page.body) == (10, True)
    assert len(await subjects(client, top="500")) == 11
    assert await subjects(client, skip="10") == ["event 10"]


async def test_events_come_in_the_order_asked_for(client: GraphClient) -> None:
    await create(client, "late", day=20)
    await create(client, "early", day=10)
    assert await subjects(client) == ["late", "early"]
    assert await subjects(client, orderby="start/dateTime") == ["early", "late"]
    assert await subjects(client, orderby="createdDateTime desc") == ["early", "late"]
    refused = await client.ask("GET", query={"$orderby": "subject"})
    assert refused.refusal == (400, "UnsupportedEntityExpression")


@pytest.mark.parametrize(
    "query", [{"$top": "many"}, {"$top": "0"}, {"$skip": "-1"}, {"$search": "one"}, {"filter": "x"}]
)
async def test_a_query_option_that_cannot_be_used_is_refused(
    client: GraphClient, query: dict[str, str]
) -> None:
    assert (await client.ask("GET", query=query)).refusal == (400, "ErrorInvalidUrlQuery")


async def test_times_are_answered_in_utc_or_in_the_zone_preferred(client: GraphClient) -> None:
    event_id = (await client.create(event_body()))["id"]
    assert (await client.get(event_id))["start"] == {
        "dateTime": "2031-01-14T23:00:00.0000000",
        "timeZone": "UTC",
    }
    path, prefer = path_of(event_id), 'IdType="ImmutableId", outlook.timezone="{}"'
    named = await client.ask("GET", path, headers={"Prefer": prefer.format("Tokyo Standard Time")})
    assert named.body["start"] == {
        "dateTime": "2031-01-15T08:00:00.0000000",
        "timeZone": "Tokyo Standard Time",
    }
    unknown = await client.ask("GET", path, headers={"Prefer": prefer.format("Moon Standard Time")})
    assert unknown.refusal == (400, "TimeZoneNotSupportedException")
