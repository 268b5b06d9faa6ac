"""Every way in which botocore's providers fail, when they are loaded and inside of a client's call."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.utils import AioContainerMetadataFetcher
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.credentials import SSOProvider
from botocore.tokens import SSOTokenProvider

from contact_manager.adapters.aws.parameters import fetch_parameters
from contact_manager.errors import RemoteServiceError
from tests.fakes.aws_access import impatient_access, lead_to

SECRET = "hush-hush-hush"
PAST = "2001-01-01T00:00:00Z"


@dataclass
class Case:
    """An environment in which nothing has credentials, and what makes a provider fail in it.

    Attributes:
        parts: Of the error.
        config: The AWS config file; ``{dir}`` is a folder of the test's own, ``{url}`` a server's address.
        credentials: The shared credentials file.
        environment: Variables.
        files: Files in the folder, by name.
        code: Of the error, or None for any.
        profile: As --profile names it.
    """

    parts: tuple[str, ...]
    config: str = ""
    credentials: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)
    code: str | None = None
    profile: str | None = None


def prints(text: str) -> dict[str, str | None]:
    """Return a program, as a file, that prints ``text``."""
    return {"helper.py": f"import sys\nprint({text!r})\nsys.stderr.write({SECRET!r})\n"}


def process(*parts: str, **more: Any) -> Case:
    config = f"[profile dev]\ncredential_process = {sys.executable} {{dir}}/helper.py\n"
    return Case(('the credential_process of the profile "dev"', *parts), config, profile="dev", **more)


def container(*parts: str, **environment: str) -> Case:
    return Case(
        ("the container credentials endpoint (AWS_CONTAINER_CREDENTIALS_FULL_URI)", *parts),
        environment=environment,
    )


def web_identity(*parts: str, content: str | None = "token-token", **more: Any) -> Case:
    environment = {
        "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/x",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "{dir}/token",
    }
    return Case(
        ("the web identity token file {dir}/token (AWS_WEB_IDENTITY_TOKEN_FILE)", *parts),
        environment=environment,
        files={"token": content} if content is not None else {},
        **more,
    )


SSO = "[profile dev]\nsso_session = s\nsso_account_id = 111111111111\nsso_role_name = r\n"
SSO_SESSION = "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n"
OLD_SSO = (
    "[profile dev]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n"
    "sso_account_id = 111111111111\nsso_role_name = r\n"
)
KEY = json.dumps({"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": SECRET})
SSO_CACHE = "sso/{}.json"
SESSION_FILE = SSO_CACHE.format(hashlib.sha1(b"s").hexdigest())
START_URL_FILE = SSO_CACHE.format(hashlib.sha1(b"https://example.awsapps.com/start").hexdigest())
ROLE = "role_arn = arn:aws:iam::999999999999:role/Base\n"
KEYS = "aws_access_key_id = AKIAOWN\naws_secret_access_key = own-secret\n"

CASES = {
    "nothing at all": Case(("no AWS credentials were found; sign in",), code="NoCredentials"),
    "role without token": Case(
        ("AWS_ROLE_ARN is set without AWS_WEB_IDENTITY_TOKEN_FILE",),
        environment={"AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/x"},
        code="NoCredentials",
    ),
    "secret without key": Case(
        ("AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID",),
        environment={"AWS_SECRET_ACCESS_KEY": SECRET},
        code="NoCredentials",
    ),
    "key without secret": Case(
        (
            "the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            "missing: AWS_SECRET_ACCESS_KEY",
        ),
        environment={"AWS_ACCESS_KEY_ID": "AKIA"},
        code="PartialCredentialsError",
    ),
    "key without secret in a file": Case(
        ('the credentials file of the profile "default"', "aws_secret_access_key"),
        credentials="[default]\naws_access_key_id = AKIA\n",
        code="PartialCredentialsError",
    ),
    "process is missing": Case(
        (
            'the credential_process of the profile "dev" cannot be used (No such file or directory',
            "/no/such/helper); run its command by hand",
        ),
        "[profile dev]\ncredential_process = /no/such/helper --json\n",
        profile="dev",
    ),
    "process may not be run": Case(
        ("Permission denied",), "[profile dev]\ncredential_process = {dir}\n", profile="dev"
    ),
    "process is empty": Case(
        ('the credential_process of the profile "dev"',),
        '[profile dev]\ncredential_process = ""\n',
        profile="dev",
    ),
    "process fails": process(
        "ended with an error", files={"helper.py": f"import sys\nprint({SECRET!r})\nsys.exit({SECRET!r})\n"}
    ),
    "process prints nothing": process("not the JSON object", files={"helper.py": ""}),
    "process prints no JSON": process("not the JSON object", files=prints(SECRET)),
    "process prints a list": process("not the JSON object", files=prints(f'["{SECRET}"]')),
    "process prints a text": process("not the JSON object", files=prints(f'"{SECRET}"')),
    "process prints null": process("not the JSON object", files=prints("null")),
    "process prints no keys": process("without AccessKeyId", files=prints('{"Version": 1}')),
    "process prints version 2": process("Version must be 1", files=prints('{"Version": 2}')),
    "process prints a version that is a list": process(
        "Version must be 1", files=prints(f'{{"Version": ["{SECRET}"]}}')
    ),
    "process prints what has expired": process(
        "have already expired", files=prints(KEY[:-1] + f', "Expiration": "{PAST}"}}')
    ),
    "process prints a date that is none": process(
        "not the JSON object", files=prints(KEY[:-1] + f', "Expiration": "{SECRET}"}}')
    ),
    "process prints bytes that are no text": process(
        "not the JSON object", files={"helper.py": "import sys\nsys.stdout.buffer.write(bytes([255, 254]))\n"}
    ),
    "process of the source profile is missing": Case(
        ('the role_arn of the profile "dev" cannot be used (No such file or directory: /no/such/helper)',),
        f"[profile dev]\n{ROLE}source_profile = base\n[profile base]\ncredential_process = /no/such/helper\n",
        profile="dev",
    ),
    "token file is missing": web_identity("No such file or directory: {dir}/token", content=None),
    "token file is a folder": Case(
        ("the web identity token file {dir}", "Is a directory"),
        environment={
            "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/x",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "{dir}",
        },
    ),
    "token file is empty": web_identity("holds no token", content="", code="ParamValidationError"),
    "token is refused": web_identity(
        "AssumeRoleWithWebIdentity",
        "InvalidIdentityToken",
        "identity provider's token",
        code="InvalidIdentityToken",
    ),
    "token without role": Case(
        ("the web identity token file {dir}/token", "AWS_ROLE_ARN"),
        environment={"AWS_WEB_IDENTITY_TOKEN_FILE": "{dir}/token"},
        code="InvalidConfigError",
    ),
    "token file of a profile": Case(
        ('the web identity token file {dir}/gone of the profile "dev"', "No such file"),
        f"[profile dev]\n{ROLE}web_identity_token_file = {{dir}}/gone\n",
        profile="dev",
    ),
    "container does not listen": container(
        "gave no answer", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:9/x"
    ),
    "container of another host": container(
        "not the JSON object", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://evil.example/x"
    ),
    "container answers 500": container(
        "answered with HTTP 500", AWS_CONTAINER_CREDENTIALS_FULL_URI="{url}/container/500"
    ),
    "container answers garbage": container(
        "is not JSON", AWS_CONTAINER_CREDENTIALS_FULL_URI="{url}/container/text"
    ),
    "container answers a list": container(
        "not the JSON object", AWS_CONTAINER_CREDENTIALS_FULL_URI="{url}/container/list"
    ),
    "container answers without keys": container(
        "not the JSON object", AWS_CONTAINER_CREDENTIALS_FULL_URI="{url}/container/object"
    ),
    "container token file is missing": container(
        "No such file or directory: {dir}/gone",
        AWS_CONTAINER_CREDENTIALS_FULL_URI="{url}/container/object",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="{dir}/gone",
    ),
    "container token has a line break": container(
        "not the JSON object",
        AWS_CONTAINER_CREDENTIALS_FULL_URI="{url}/container/object",
        AWS_CONTAINER_AUTHORIZATION_TOKEN=f"{SECRET}\r\nx: y",
    ),
    "second factor without a terminal": Case(
        ('the role_arn of the profile "dev" needs an MFA code, and there is no terminal',),
        f"[profile dev]\n{ROLE}source_profile = base\nmfa_serial = mfa/me-and-more\n[profile base]\n{KEYS}",
        profile="dev",
    ),
    "role refuses": Case(
        ('AssumeRole for the role_arn of the profile "dev"', "role/Base refused", "trust policy"),
        f"[profile dev]\n{ROLE}source_profile = base\n[profile base]\n{KEYS}",
        profile="dev",
        code="AccessDenied",
    ),
    "source profile is missing": Case(
        ('the role_arn of the profile "dev"', "gone"),
        f"[profile dev]\n{ROLE}source_profile = gone\n",
        profile="dev",
        code="InvalidConfigError",
    ),
    "source profiles go round": Case(
        ('the role_arn of the profile "a"', "source_profile settings lead back to"),
        f"[profile a]\n{ROLE}source_profile = b\n[profile b]\n{ROLE}source_profile = a\n",
        profile="a",
        code="InfiniteLoopConfigError",
    ),
    "source profile is empty": Case(
        ('the role_arn of the profile "dev"', "base"),
        f"[profile dev]\n{ROLE}source_profile = base\n[profile base]\nregion = us-east-1\n",
        profile="dev",
        code="InvalidConfigError",
    ),
    "credential source is unknown": Case(
        ('the role_arn of the profile "dev"', "Nonsense"),
        f"[profile dev]\n{ROLE}credential_source = Nonsense\n",
        profile="dev",
    ),
    "credential source has nothing": Case(
        ('the role_arn of the profile "dev" names a credential_source that has no credentials',),
        f"[profile dev]\n{ROLE}credential_source = Environment\n",
        profile="dev",
    ),
    "role without a source": Case(
        ('the role_arn of the profile "dev"', "source_profile or credential_source"),
        f"[profile dev]\n{ROLE}",
        profile="dev",
    ),
    "single sign-on session is missing": Case(
        ("SSO", '"dev"', "aws sso login --profile dev"), SSO, profile="dev", code="InvalidConfigError"
    ),
    "single sign-on was never done": Case(
        ('IAM Identity Center (SSO) of the profile "dev"', "aws sso login --profile dev"),
        SSO + SSO_SESSION,
        profile="dev",
    ),
    "single sign-on has expired": Case(
        ('IAM Identity Center (SSO) of the profile "dev"', "expired", "aws sso login --profile dev"),
        SSO + SSO_SESSION,
        files={SESSION_FILE: json.dumps({"accessToken": SECRET, "expiresAt": PAST})},
        profile="dev",
    ),
    "single sign-on cache is corrupt": Case(
        ('IAM Identity Center (SSO) of the profile "dev"', "aws sso login --profile dev"),
        SSO + SSO_SESSION,
        files={SESSION_FILE: f"{{{SECRET}"},
        profile="dev",
    ),
    "single sign-on cache is a list": Case(
        ('IAM Identity Center (SSO) of the profile "dev"', "aws sso login --profile dev"),
        SSO + SSO_SESSION,
        files={SESSION_FILE: "[]"},
        profile="dev",
    ),
    "old single sign-on has expired": Case(
        ('IAM Identity Center (SSO) of the profile "dev"', "aws sso login --profile dev"),
        OLD_SSO,
        files={START_URL_FILE: json.dumps({"accessToken": SECRET, "expiresAt": PAST})},
        profile="dev",
        code="UnauthorizedSSOTokenError",
    ),
    "old single sign-on cache is corrupt": Case(
        ('IAM Identity Center (SSO) of the profile "dev"', "aws sso login --profile dev"),
        OLD_SSO,
        files={START_URL_FILE: "nonsense"},
        profile="dev",
    ),
    "sign-in of aws login is missing": Case(
        ('the aws login session of the profile "dev"', "aws login --profile dev"),
        "[profile dev]\nlogin_session = arn:aws:iam::111111111111:user/me\n",
        profile="dev",
    ),
    "profile is unknown": Case(('the profile "nobody"', "nobody"), profile="nobody", code="ProfileNotFound"),
    "profile of the environment is unknown": Case(
        ('the profile "nobody"',), environment={"AWS_PROFILE": "nobody"}, code="ProfileNotFound"
    ),
    "config file is none": Case(
        ("cannot be read", "config"), "this is no [ini\n= file", code="ConfigParseError"
    ),
    "credentials file is none": Case(("cannot be read",), credentials="nonsense\n", code="ConfigParseError"),
    "metadata time-out is no number": Case(
        ("the AWS settings",), environment={"AWS_METADATA_SERVICE_TIMEOUT": "soon"}
    ),
    "metadata endpoint mode is unknown": Case(
        ("the AWS settings",), environment={"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv7"}
    ),
}


@dataclass
class Stage:
    folder: Path
    fill: dict[str, str]

    def filled(self, text: str) -> str:
        for name, value in self.fill.items():
            text = text.replace(f"{{{name}}}", value)
        return text


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Stage]:
    async with TestServer(_other_app(), host="127.0.0.1") as server:
        url = str(server.make_url("")).rstrip("/")
        lead_to(monkeypatch, url)
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HTTP_PROXY"):
            monkeypatch.delenv(variable)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv("AWS_LOGIN_CACHE_DIRECTORY", str(tmp_path / "login"))
        for provider in (SSOProvider, SSOTokenProvider):
            monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path / "sso"))
        monkeypatch.setattr(AioContainerMetadataFetcher, "SLEEP_TIME", 0)
        yield Stage(tmp_path, {"dir": str(tmp_path), "url": url})


def _other_app() -> web.Application:
    """Return a container's endpoint in all its moods, and an STS that refuses."""
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        body = {"text": f"<{SECRET}>", "list": f'["{SECRET}"]', "object": "{}", "500": SECRET}
        kind = request.match_info["kind"]
        return web.Response(text=body[kind], status=500 if kind == "500" else 200)

    async def refuse(request: web.Request) -> web.Response:
        is_identity = "WebIdentity" in await request.text()
        code, status = ("InvalidIdentityToken", 400) if is_identity else ("AccessDenied", 403)
        error = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        return web.Response(
            text=f"<ErrorResponse>{error}</ErrorResponse>", status=status, content_type="text/xml"
        )

    app.router.add_get("/container/{kind}", answer)
    app.router.add_post("/", refuse)
    return app


@pytest.mark.parametrize("way", ["own", "client"])
@pytest.mark.parametrize("name", CASES)
async def test_a_provider_that_fails_is_named_with_what_to_do(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, way: str
) -> None:
    case = CASES[name]
    set_up(stage, monkeypatch, case)
    caplog.set_level(logging.WARNING)
    async with impatient_access(profile=case.profile, default_region="us-east-1") as access:
        with pytest.raises(RemoteServiceError) as caught:
            await (access.fetch_own_credentials() if way == "own" else fetch_parameters(access, ["/a"]))
    message = str(caught.value)
    for part in case.parts:
        assert stage.filled(part) in message
    assert case.code in {None, caught.value.code}
    for leak in (SECRET, "Error(", "NoneType", "['", "{'", "object has no attribute", "\n"):
        assert leak not in message
    assert not caplog.records, "no library's traceback"


def set_up(stage: Stage, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    for name, text in {"config": case.config, "credentials": case.credentials, **case.files}.items():
        path = stage.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(stage.filled(text or ""))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(stage.folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(stage.folder / "credentials"))
    for name, value in case.environment.items():
        monkeypatch.setenv(name, stage.filled(value))
