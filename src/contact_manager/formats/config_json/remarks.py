"""What is allowed in the configuration and looks like a mistake."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from contact_manager.formats.config_json.models import (
    ConfigFile,
    CustomerEntry,
    EmailConfig,
    NotificationConfig,
    S3Config,
    TopicsConfig,
)
from contact_manager.formats.json_document import child_path
from contact_manager.formats.plain_text import quote
from contact_manager.settings import Settings

_CUSTOMERS = "$.customer_mappings"
_OPEN_SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    (): ConfigFile,
    ("s3_config",): S3Config,
    ("email_config",): EmailConfig,
    ("notification_config",): NotificationConfig,
    ("notification_config", "topics"): TopicsConfig,
}
"""Sections whose unknown keys are ignored."""

_NEAR_KEY, _NEAR_VALUE = 0.8, 0.75
_SUFFIX = "config"
_LONGEST_KEY = 100
"""Longer ones are nobody's slip, and comparing them takes long."""

REGIONS = frozenset(
    """af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2
    ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7
    ca-central-1 ca-west-1 cn-north-1 cn-northwest-1 eu-central-1 eu-central-2 eu-isoe-west-1 eu-north-1
    eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 eusc-de-east-1 il-central-1 me-central-1 me-south-1
    mx-central-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-iso-east-1 us-iso-west-1
    us-isob-east-1 us-isob-west-1 us-isof-east-1 us-isof-south-1 us-west-1 us-west-2""".split()
)
"""AWS General Reference, "Service endpoints"; new ones are a warning and work."""

ENVIRONMENTS = frozenset(
    """production prod non-production nonproduction nonprod preproduction staging stage acceptance test
    testing qa uat integration development dev sandbox demo training""".split()
)

_BUCKET = re.compile(r"[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")
"""Amazon S3 user guide, "General purpose bucket naming rules"."""


def written_warnings(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return warnings about what is written, whatever is wrong besides: misspelled keys and unknown regions.

    Unknown keys are allowed there, but a misspelled ``restricted_recipients`` would let everybody in.
    """
    return (*_misspelled_keys(document), *_unknown_regions(document))


def setup_remarks(config: ConfigFile, settings: Settings) -> tuple[str, ...]:
    """Return what is missing or odd in a configuration that can be used."""
    return (*_customer_remarks(config, settings), *_general_remarks(config, settings))


def _misspelled_keys(document: Mapping[str, Any]) -> Iterator[str]:
    for place, section in _OPEN_SECTIONS.items():
        path, value = "$", document
        for key in place:
            path, value = child_path(path, key), _object(value.get(key))
        yield from _misspelled(path, value, section)
    for code, entry in _object(document.get("customer_mappings")).items():
        yield from _misspelled(child_path(_CUSTOMERS, code), _object(entry), CustomerEntry)


def _misspelled(path: str, section: Mapping[str, Any], model: type[BaseModel]) -> Iterator[str]:
    for key in section:
        if key in model.model_fields or len(key) > _LONGEST_KEY:
            continue
        likeness, near = max((_likeness(key, known), known) for known in model.model_fields)
        if likeness >= _NEAR_KEY:
            yield f"{child_path(path, key)} is ignored; did you mean {near!r}?"


def _likeness(key: str, known: str) -> float:
    """Return how alike two keys are, from 0 to 1; that both end in ``_config`` does not count."""
    one, other = _folded(key), _folded(known)
    if one.endswith(_SUFFIX) and other.endswith(_SUFFIX):
        one, other = one.removesuffix(_SUFFIX), other.removesuffix(_SUFFIX)
    return difflib.SequenceMatcher(None, one, other).ratio()


def _folded(key: str) -> str:
    """Return a key without what languages separate words with."""
    return key.lower().replace("_", "").replace("-", "")


def _unknown_regions(document: Mapping[str, Any]) -> Iterator[str]:
    places = [("$.aws_region", document.get("aws_region"))]
    for code, entry in _object(document.get("customer_mappings")).items():
        places.append((f"{child_path(_CUSTOMERS, code)}.region", _object(entry).get("region")))
    for path, region in places:
        if isinstance(region, str) and region.strip() and region.strip() not in REGIONS:
            yield f"{path}: {quote(region)} is not a known AWS region{_did_you_mean(region, REGIONS)}"


def _customer_remarks(config: ConfigFile, settings: Settings) -> Iterator[str]:
    customers = settings.customers.values()
    for customer in customers:
        if not customer.role_arn:
            yield f"{_CUSTOMERS}.{customer.code} has no ses_role_arn and cannot be read"
    for key, entry in config.customer_mappings.items():
        word = entry.environment or ""
        hint = _did_you_mean(word, ENVIRONMENTS)
        if hint and word.strip().lower() not in ENVIRONMENTS:
            yield f"{child_path(_CUSTOMERS, key)}.environment: {quote(word)}{hint}"
    open_to_others = [
        customer.code for customer in customers if customer.role_arn and not customer.external_id
    ]
    if open_to_others:
        named = ", ".join(f"{_CUSTOMERS}.{code}" for code in open_to_others)
        yield f"no external_id at {named}; agree on one with each customer for the role's trust policy"
    yield from _shared_accounts(settings)


def _shared_accounts(settings: Settings) -> Iterator[str]:
    owners: dict[tuple[str, str], str] = {}
    for customer in settings.customers.values():
        if customer.role_arn:
            owner = owners.setdefault((customer.role_arn.split(":")[4], customer.region), customer.code)
            if owner != customer.code:
                yield (
                    f"{_CUSTOMERS}.{customer.code} is in the account and region of {owner!r}; "
                    "both have the people of one contact list"
                )


def _general_remarks(config: ConfigFile, settings: Settings) -> Iterator[str]:
    if not settings.meeting_organizer:
        yield "$.email_config.meeting_organizer is not set; every run needs --sender-email"
    if not settings.sender_address:
        yield "$.email_config.sender_address is not set; mails for changes that arrive as events need it"
    if settings.bucket_name and not _is_bucket_name(settings.bucket_name):
        name = quote(settings.bucket_name)
        yield f"$.s3_config.bucket_name: {name} is not a bucket's name: 3 to 63 of a-z, 0-9, dots and hyphens"
    portal = config.email_config.portal_base_url if config.email_config else None
    if portal and not _is_web_address(portal):
        yield "$.email_config.portal_base_url is not a web address such as https://portal.example.com"


def _did_you_mean(word: str, known: Collection[str]) -> str:
    """Return the known words that are nearest, as the end of a sentence, or ``""``."""
    near = difflib.get_close_matches(word.strip().lower(), sorted(known), n=3, cutoff=_NEAR_VALUE)
    likeness = [difflib.SequenceMatcher(None, word.strip().lower(), name).ratio() for name in near]
    nearest = sorted(name for name, ratio in zip(near, likeness, strict=True) if ratio == max(likeness))
    return f"; did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""


def _is_bucket_name(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return _BUCKET.fullmatch(name) is not None
    return False


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text.strip())
        _ = parts.port  # raises for what is no port
    except ValueError:
        return False
    return parts.scheme in {"https", "http"} and bool(parts.hostname) and not re.search(r"\s", text.strip())


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
