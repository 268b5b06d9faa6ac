"""The zip file under Lambda's own runtime client."""

from __future__ import annotations

import shutil
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.deploy.runtime_api import FUNCTION_ARN, FunctionEndedError, run_function

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
