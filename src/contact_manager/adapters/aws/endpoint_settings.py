"""Where the AWS settings send requests: the variables and the AWS config file, in botocore's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_SERVICES = ("sesv2", "sts", "ssm", "s3", "sqs", "sso", "sso_oidc", "signin")
"""Every service that is used here, or that credentials come from."""

_EVERY_SERVICE = "AWS_ENDPOINT_URL"
_IGNORED = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"


def chosen_endpoints(
    environment: Mapping[str, str],
    profile: Mapping[str, Any] | None = None,
    services: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Return the endpoint URLs in use, by the setting that holds them.

    See "Service-specific endpoints", AWS SDKs and Tools reference guide.

    Args:
        environment: The process's environment variables.
        profile: Settings of the AWS profile.
        services: The services section that the profile names.
    """
    profile, services = profile or {}, services or {}
    ignored = environment.get(_IGNORED) or str(profile.get("ignore_configured_endpoint_urls", ""))
    if ignored.lower() == "true":
        return {}
    return dict(
        found
        for service in _SERVICES
        if (found := next(_candidates(service, environment, profile, services), None)) is not None
    )


def _candidates(
    service: str, environment: Mapping[str, str], profile: Mapping[str, Any], services: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    section = services.get(service, {})
    in_section = section.get("endpoint_url") if isinstance(section, dict) else section
    for setting, url in (
        (f"{_EVERY_SERVICE}_{service.upper()}", environment.get(f"{_EVERY_SERVICE}_{service.upper()}")),
        (_EVERY_SERVICE, environment.get(_EVERY_SERVICE)),
        (f"services.{service}.endpoint_url in the AWS config file", in_section),
        ("endpoint_url in the AWS config file", profile.get("endpoint_url")),
    ):
        if url:
            yield setting, str(url)
