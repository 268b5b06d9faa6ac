"""The zip file under Lambda's own runtime client."""

from __future__ import annotations

import json
import shutil
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

from contact_manager.sandbox.stack import SandboxStack
from tests.deploy.runtime_api import FUNCTION_ARN, FunctionEndedError, run_function

EXAMPLES = Path(__file__).parents[2] / "examples"
PROBE = """
    import importlib.metadata
    import sys

    import contact_manager.bootstrap
    import contact_manager.services.schedule_meeting

    def handler(event, context):
        import aiobotocore.session
        import msal
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # of a certificate

        names = ("contact_manager", "aiohttp", "botocore", "msal", "pydantic")
        return {
            "event": event,
            "function": context.invoked_function_arn,
            "request": context.aws_request_id,
            "version": importlib.metadata.version("ccoe-customer-contact-manager"),
            "files": [sys.modules[name].__file__ for name in names],
        }

    def settings(event, context):
        import os

        return contact_manager.bootstrap.load_settings(None, os.environ).aws_region

    def failing(event, context):
        raise LookupError("no such change")
"""


@pytest.fixture(scope="module")
def probed(task_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked zip file with a small handler beside it."""
    folder = tmp_path_factory.mktemp("probed") / "task"
    shutil.copytree(task_root, folder)
    (folder / "probe.py").write_text(textwrap.dedent(PROBE))
    return folder


def test_the_zip_alone_runs_under_lambdas_runtime(probed: Path, tmp_path: Path) -> None:
    with run_function(probed, "probe.handler", scratch=tmp_path) as function:
        answer = function.invoke({"Records": []})
    assert answer.error is None
    assert answer.value["event"] == {"Records": []}
    assert answer.value["function"] == FUNCTION_ARN
    assert answer.value["request"] == answer.request_id
    assert answer.value["version"] == version("ccoe-customer-contact-manager")
    assert [file for file in answer.value["files"] if not file.startswith(str(probed))] == []


def test_one_start_serves_many_events(probed: Path, tmp_path: Path) -> None:
    with run_function(probed, "probe.handler", scratch=tmp_path) as function:
        assert [function.invoke(number).value["event"] for number in range(3)] == [0, 1, 2]


def test_the_configuration_beside_the_code_is_found(probed: Path, tmp_path: Path) -> None:
    environment = {"CONFIG_PATH": str(probed)}
    with run_function(probed, "probe.settings", scratch=tmp_path, environment=environment) as function:
        assert function.invoke({}).value == "us-east-1"


def test_an_error_of_the_handler_is_told_to_lambda(probed: Path, tmp_path: Path) -> None:
    with run_function(probed, "probe.failing", scratch=tmp_path) as function:
        error = function.invoke({}).error
    assert error is not None
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "no such change")


def test_a_handler_that_is_not_there_is_an_error_of_the_start(probed: Path, tmp_path: Path) -> None:
    with run_function(probed, "absent.handler", scratch=tmp_path) as function:
        with pytest.raises(FunctionEndedError, match="No module named 'absent'"):
            function.invoke({})
        assert [one["errorType"] for one in function.api.init_errors] == ["Runtime.ImportModuleError"]


def test_the_zip_makes_the_meeting_and_sends_the_mails(task_root: Path, tmp_path: Path) -> None:
    handler = "contact_manager.entrypoints.lambda_sqs.handler"
    change = json.loads((EXAMPLES / "changes" / "flat.json").read_text())
    with SandboxStack() as stack:
        stack.changes.submit(change)
        keys = stack.changes.keys("customers/")
        environment = stack.environment | {"AWS_SESSION_TOKEN": ""}
        with run_function(task_root, handler, scratch=tmp_path, environment=environment) as function:
            answer = function.invoke({"Records": [sqs_record(stack, key) for key in keys]})
            log = [json.loads(line) for line in function.told().splitlines() if line.startswith("{")]
        [meeting] = stack.graph.state()["mailboxes"][stack.world.organizer]["events"]
        assert answer.value == {"batchItemFailures": []}
        assert len(meeting["attendees"]) == 18
        assert len({mail.recipient for mail in stack.aws.sent_mails}) == len(stack.aws.sent_mails) == 4
        assert stack.changes.keys("customers/") == []
    metrics = {name: value for line in log if "_aws" in line for name, value in line.items()}
    assert (metrics["MeetingsCreated"], sum(metrics["MailsSent"])) == ([1.0], 4.0)
    done = [line for line in log if str(line.get("message", "")).startswith("change.done")]
    assert {(line["change_id"], line["customer"]) for line in done} == {
        ("CHG-2031-0042", code) for code in change["customers"]
    }
    assert {line["correlation_id"] for line in done} == {answer.request_id}
    assert "@example" not in json.dumps(log)


def sqs_record(stack: SandboxStack, key: str) -> dict[str, str]:
    """Return the message of one trigger."""
    written = {"bucket": {"name": stack.world.bucket_name}, "object": {"key": key}}
    body = {"Records": [{"eventName": "ObjectCreated:Put", "s3": written}]}
    return {"messageId": key, "body": json.dumps(body)}
