"""What a cold start of the Lambda function pays for."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"aiobotocore", "aiohttp", "boto3", "jinja2", "moto", "msal", "pydantic", "rich", "typer"}


def test_importing_the_handler_loads_nothing_heavy() -> None:
    program = "import sys, contact_manager.entrypoints.lambda_sqs; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
