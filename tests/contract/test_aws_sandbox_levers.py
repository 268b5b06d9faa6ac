"""What can be changed while the AWS server runs: faults, rates, settings, and the same over HTTP."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from contact_manager.sandbox.aws_server import BASE_ACCOUNT_ID, AwsServer, ContactEntry, Fault, Place
from tests.fakes.aws_clients import READER, assume, open_client, refusal

ACCOUNT = "111111111111"
PLACE = Place(ACCOUNT, "us-east-1")
OTHER_ROLE = "arn:aws:iam::222222222222:role/Reader"


@pytest.fixture(autouse=True)
def no_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def server() -> Iterator[AwsServer]:
    with AwsServer() as running:
        running.create_contact_list(PLACE, "people", {"news": "OPT_OUT"})
        yield running


@pytest.fixture
def ses(server: AwsServer) -> Any:
    return open_client(server, "sesv2", **assume(server))


def ask(server: AwsServer, line: str, content: Any = None) -> tuple[int, Any]:
    method, path = line.split()
    connection = HTTPConnection(server.endpoint_url.removeprefix("http://"))
    connection.request(method, f"/_sandbox{path}", None if content is None else json.dumps(content))
    answer = connection.getresponse()
    told = answer.status, json.loads(answer.read())
    connection.close()
    return told


def ask_again(connection: HTTPConnection) -> None:
    connection.request("GET", "/_sandbox/state")
    connection.getresponse().read()


def test_what_an_account_may_send_is_set_over_http_and_shown_by_its_account(
    server: AwsServer, ses: Any
) -> None:
    assert ses.get_account()["SendingEnabled"]
    assert ask(server, "POST /sending", {"account": ACCOUNT, "paused": True, "daily_quota": 7})[0] == 200
    account = ses.get_account()
    assert not account["SendingEnabled"]
    assert account["SendQuota"]["Max24HourSend"] == 7
    assert ask(server, "GET /state")[1]["sending"][0]["account"] == ACCOUNT
    assert ask(server, "POST /sending", {"account": ACCOUNT, "pausd": True})[0] == 400
    ask(server, "POST /sending", {"account": ACCOUNT})
    assert ses.get_account()["SendingEnabled"]


def test_a_fault_hits_as_often_as_it_says(server: AwsServer, ses: Any) -> None:
    server.add_fault(Fault(service="ses", status=429, times=2))

    assert refusal(ses.list_contact_lists) == ("TooManyRequestsException", 429)
    assert refusal(ses.list_contact_lists) == ("TooManyRequestsException", 429)
    assert ses.list_contact_lists()


def test_a_fault_lets_pass_what_it_skips(server: AwsServer, ses: Any) -> None:
    server.add_fault(Fault(operation="ListContactLists", status=500, skip=1))

    assert ses.list_contact_lists()
    assert refusal(ses.list_contact_lists) == ("InternalServiceErrorException", 500)


def test_faults_come_in_their_order(server: AwsServer, ses: Any) -> None:
    server.add_fault(Fault(status=503, code="ServiceUnavailable"))
    server.add_fault(Fault(status=403))

    assert refusal(ses.list_contact_lists) == ("ServiceUnavailable", 503)
    assert refusal(ses.list_contact_lists) == ("AccessDeniedException", 403)
    assert ses.list_contact_lists()


def test_a_fault_without_a_number_of_times_stays_until_it_is_cleared(server: AwsServer, ses: Any) -> None:
    server.add_fault(Fault(path_contains="/people", status=500, times=None))

    for _ in range(3):
        assert refusal(ses.get_contact_list, ContactListName="people")[1] == 500
    server.clear_faults()
    assert ses.get_contact_list(ContactListName="people")


def test_a_fault_of_an_account_spares_the_others(server: AwsServer, ses: Any) -> None:
    server.add_fault(Fault(account=ACCOUNT, status=500, times=None))
    other = open_client(server, "sesv2", **assume(server, OTHER_ROLE))

    assert other.list_contact_lists()
    assert refusal(ses.list_contact_lists)[1] == 500
    assert refusal(assume, server)[1] == 500


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sts", "get_caller_identity", "Throttling"),
        ("ssm", "describe_parameters", "ThrottlingException"),
        ("sqs", "list_queues", "RequestThrottled"),
        ("s3", "list_buckets", "SlowDown"),
    ],
)
def test_a_fault_speaks_the_protocol_of_its_service(
    server: AwsServer, service: str, call: str, code: str
) -> None:
    server.add_fault(Fault(service=service, status=400, code=code))

    assert refusal(getattr(open_client(server, service), call)) == (code, 400)


def test_a_dropped_connection_has_no_answer(server: AwsServer, ses: Any) -> None:
    server.add_fault(Fault(operation="ListContacts", drop=True))

    with pytest.raises(ConnectionClosedError):
        ses.list_contacts(ContactListName="people")

    assert server.requests[-1].status is None
    assert ses.list_contacts(ContactListName="people")["Contacts"] == []


@pytest.mark.parametrize("rule", [{"drop": True}, {"drop_answer": True}])
def test_a_black_hole_takes_a_request_and_never_answers(server: AwsServer, rule: dict[str, Any]) -> None:
    s3 = open_client(server, "s3", config=Config(read_timeout=0.2, retries={"total_max_attempts": 1}))
    s3.create_bucket(Bucket="bucket")
    server.add_fault(Fault(service="s3", method="PUT", hold=True, **rule))

    with pytest.raises(ReadTimeoutError):
        s3.put_object(Bucket="bucket", Key="a", Body=b"1")

    assert server.requests[-1].operation == "PutObject"
    assert server.requests[-1].status is None
    assert s3.list_objects_v2(Bucket="bucket")["KeyCount"] == (1 if "drop_answer" in rule else 0)


def test_a_black_hole_ends_with_the_server(server: AwsServer) -> None:
    server.add_fault(Fault(drop=True, hold=True))
    connection = HTTPConnection(server.endpoint_url.removeprefix("http://"))
    connection.request("GET", "/")
    while not server.requests:
        pass

    server.stop()

    with pytest.raises((HTTPException, ConnectionError)):
        connection.getresponse()
    connection.close()


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "ConditionalRequestConflict"),
        (412, "PreconditionFailed"),
        (500, "InternalError"),
        (503, "SlowDown"),
    ],
)
def test_a_storm_hits_any_write_of_s3_before_or_after_it_is_carried_out(
    server: AwsServer, status: int, code: str, carried_out: bool
) -> None:
    s3 = open_client(server, "s3")
    s3.create_bucket(Bucket="bucket")
    server.add_fault(Fault(service="s3", method="PUT", status=status, times=3, carried_out=carried_out))

    for key in "abc":
        assert refusal(s3.put_object, Bucket="bucket", Key=key) == (code, status)

    assert s3.list_objects_v2(Bucket="bucket")["KeyCount"] == (3 if carried_out else 0)
    assert s3.put_object(Bucket="bucket", Key="d")


def test_a_delay_alone_changes_nothing_in_the_answer(server: AwsServer, ses: Any) -> None:
    server.add_fault(Fault(delay_s=0.001))

    assert ses.list_contact_lists()["ContactLists"]
    assert server.describe()["faults"] == []


def test_an_account_that_asks_too_often_is_told_so(server: AwsServer, ses: Any) -> None:
    other = open_client(server, "sesv2", **assume(server, OTHER_ROLE))
    server.configure(requests_per_second=0.0001)

    assert ses.list_contact_lists()
    assert refusal(ses.list_contact_lists) == ("TooManyRequestsException", 429)
    assert other.list_contact_lists()


def test_the_log_tells_operation_account_and_status(server: AwsServer, ses: Any) -> None:
    ses.list_contact_lists()
    refusal(ses.get_contact_list, ContactListName="none")

    told = [(one.service, one.operation, one.account, one.role_arn, one.status) for one in server.requests]

    assert told == [
        ("sts", "AssumeRole", BASE_ACCOUNT_ID, READER, 200),
        ("ses", "ListContactLists", ACCOUNT, None, 200),
        ("ses", "GetContactList", ACCOUNT, None, 404),
    ]
    assert server.counts[ACCOUNT] == {"ListContactLists": 1, "GetContactList": 1}
    server.forget_requests()
    assert server.requests == ()


def test_many_clients_at_once_are_all_answered(server: AwsServer, ses: Any) -> None:
    for number in range(50):
        server.put_contact(PLACE, ContactEntry(f"p{number}@example.com"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ses.list_contacts(ContactListName="people"), range(40)))

    assert {len(answer["Contacts"]) for answer in answers} == {50}


def test_a_connection_serves_one_request_after_the_other(server: AwsServer) -> None:
    connection = HTTPConnection(server.endpoint_url.removeprefix("http://"))
    connection.connect()
    port = connection.sock.getsockname()[1]
    for body in (b"x" * 100_000, None, b"{}"):
        connection.request("POST", "/v2/email/contact-lists/people/contacts/list", body)
        answer = connection.getresponse()
        assert answer.status == 403
        assert answer.read()
        assert connection.sock.getsockname()[1] == port
    connection.close()


def test_what_moto_cannot_do_is_a_server_error_and_the_connection_stays(
    server: AwsServer, ses: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def spoil(params: dict[str, Any], **_: Any) -> None:
        params["body"] = b"{"

    ses.meta.events.register("before-call.sesv2.CreateEmailIdentity", spoil)
    assert refusal(ses.create_email_identity, EmailIdentity="example.com")[1] == 500
    assert ses.list_contact_lists()
    assert "sandbox.request_failed" in caplog.text


def test_a_stopped_server_hangs_up_and_a_new_one_has_forgotten_everything(server: AwsServer) -> None:
    connection = HTTPConnection(server.endpoint_url.removeprefix("http://"))
    ask_again(connection)
    server.stop()
    server.stop()

    connection.auto_open = False
    with pytest.raises((HTTPException, ConnectionError)):
        ask_again(connection)
    connection.close()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.endpoint_url
    server.start()
    ses = open_client(server, "sesv2", **assume(server))
    assert ses.list_contact_lists()["ContactLists"] == []


def test_a_port_in_use_is_an_os_error(server: AwsServer) -> None:
    with pytest.raises(OSError, match="in use"):
        AwsServer(int(server.endpoint_url.rpartition(":")[2])).start()


def test_the_state_can_be_asked_over_http(server: AwsServer, ses: Any) -> None:
    ses.list_contact_lists()

    status, state = ask(server, "GET /state")

    assert status == 200
    assert state["requests"][-1] == {
        "service": "ses",
        "operation": "ListContactLists",
        "method": "GET",
        "path": "/v2/email/contact-lists",
        "account": ACCOUNT,
        "region": "us-east-1",
        "role_arn": None,
        "status": 200,
    }
    assert state["counts"] == {BASE_ACCOUNT_ID: {"AssumeRole": 1}, ACCOUNT: {"ListContactLists": 1}}
    assert ask(server, "DELETE /requests") == (200, {})
    assert ask(server, "GET /state")[1]["requests"] == []


def test_faults_can_be_set_and_cleared_over_http(server: AwsServer, ses: Any) -> None:
    rules = [{"service": "ses", "status": 429, "times": 1}, {"service": "ses", "status": 500}]

    assert ask(server, "POST /faults", rules) == (200, {})
    assert refusal(ses.list_contact_lists)[1] == 429
    assert ask(server, "DELETE /faults") == (200, {})
    assert ses.list_contact_lists()


def test_settings_and_roles_can_be_changed_over_http(server: AwsServer) -> None:
    status, settings = ask(server, "POST /settings", {"max_page_size": 5, "deny_unknown_roles": True})
    ask(server, "POST /roles", {"role_arn": READER, "external_id": "right-one"})

    assert (status, settings["max_page_size"], server.settings.deny_unknown_roles) == (200, 5, True)
    assert refusal(assume, server)[0] == "AccessDenied"
    assert assume(server, ExternalId="right-one")


def test_contacts_and_suppressions_can_be_changed_over_http(server: AwsServer, ses: Any) -> None:
    where = {"account": ACCOUNT, "region": "us-east-1", "list": "people", "address": "ann@example.com"}
    choice = {"topics": {"news": "OPT_IN"}, "unsubscribe_all": True}

    assert ask(server, "POST /contacts", where | choice) == (200, {})
    assert ask(server, "POST /suppression", where | {"reason": "COMPLAINT"}) == (200, {})
    [contact] = ses.list_contacts(ContactListName="people")["Contacts"]
    assert contact["UnsubscribeAll"] is True
    assert ses.get_suppressed_destination(EmailAddress="ann@example.com")

    assert ask(server, "DELETE /contacts", where) == (200, {})
    assert ask(server, "DELETE /suppression", where) == (200, {"removed": True})
    assert ses.list_contacts(ContactListName="people")["Contacts"] == []


def test_objects_can_be_aged_over_http(server: AwsServer) -> None:
    s3 = open_client(server, "s3")
    s3.create_bucket(Bucket="bucket")
    for key in ("claims/1", "claims/2"):
        s3.put_object(Bucket="bucket", Key=key)

    asked = {"bucket": "bucket", "key_contains": "claims/1", "seconds": 3600}
    assert ask(server, "POST /object-age", asked) == (200, {})

    old, new = (one["LastModified"] for one in s3.list_objects_v2(Bucket="bucket")["Contents"])
    assert new - old >= timedelta(seconds=3599)


@pytest.mark.parametrize(
    ("line", "content", "status"),
    [
        ("POST /object-age", {"bucket": "bucket"}, 400),
        ("POST /faults", {"statuss": 500}, 400),
        ("POST /settings", {"page": 1}, 400),
        ("POST /roles", {}, 400),
        ("POST /contacts", {"account": ACCOUNT}, 400),
        ("POST /contacts", {"account": ACCOUNT, "list": "none", "address": "a@example.com"}, 404),
        ("DELETE /contacts", {"account": ACCOUNT, "address": "a@example.com"}, 404),
        ("GET /nowhere", None, 404),
    ],
)
def test_a_wrong_request_over_http_is_told_what_is_wrong(
    server: AwsServer, line: str, content: Any, status: int
) -> None:
    answered, told = ask(server, line, content)

    assert answered == status
    assert told["error"]


@pytest.mark.parametrize("length", [0, 100])
def test_a_client_that_goes_away_is_no_news(
    server: AwsServer, capfd: pytest.CaptureFixture[str], length: int
) -> None:
    """With its request cut short, and without waiting for the answer."""
    host, port = server.endpoint_url.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(
                f"GET /_sandbox/state HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
            )
    ask(server, "GET /state")
    server.stop()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "content",
    [
        {"account": "fabrikam", "paused": True},
        {"account": ACCOUNT, "unverified": True},
        {"account": ACCOUNT, "unverified": "ann@example.com"},
        {"account": ACCOUNT, "refused": ["ann@example.com"]},
    ],
)
def test_what_an_account_may_send_is_said_in_the_right_form_or_refused(
    server: AwsServer, content: dict[str, Any]
) -> None:
    status, answer = ask(server, "POST /sending", content)
    assert status == 400
    assert answer["error"]


def test_dead_letters_are_moved_back_into_their_queue(server: AwsServer) -> None:
    sqs = open_client(server, "sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 10})
    main = sqs.create_queue(QueueName="main", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody="again")
    assert sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]
    assert sqs.receive_message(QueueUrl=main)["Messages"][0]["Body"] == "again"
    assert "Messages" not in sqs.receive_message(QueueUrl=dead)
    with pytest.raises(sqs.exceptions.ResourceNotFoundException):
        sqs.start_message_move_task(SourceArn=f"{arn}-other")
