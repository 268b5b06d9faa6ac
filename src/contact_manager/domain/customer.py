"""A customer organization: one AWS account with one SES contact list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contact_manager.domain.spelling import is_near

_CODE = re.compile(r"[a-z0-9-]{1,50}")
_DIGITS = re.compile(r"[0-9]+")
_SHORTEST_TO_COMPARE = 3


def fold_customer_code(raw: str) -> str | None:
    """Return the code trimmed and in lower case, or None if it is not one (``[a-z0-9-]{1,50}``)."""
    folded = raw.strip().lower()
    return folded if _CODE.fullmatch(folded) else None


def customer_names(customers: Mapping[str, Customer]) -> dict[str, str]:
    """Return the names of customers by code."""
    return {code: customer.name for code, customer in customers.items()}


def nearest_codes(code: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the configured codes that were probably meant by one that is not configured.

    Codes that differ in a number only are different customers. The name of a customer stands for its code.

    Args:
        code: As written, or folded.
        names: Names of the configured customers, by code.
    """
    word = " ".join(code.lower().split())
    if not word or word in names:
        return ()
    by_name = [known for known, name in names.items() if _is_name(word, " ".join(name.lower().split()))]
    near = [known for known in names if len(word) >= _SHORTEST_TO_COMPARE and _is_slip(word, known)]
    return tuple(dict.fromkeys(by_name + near))


def mistaken_customers(codes: Iterable[str], names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return those of the codes that are not configured and nearly are, each with what was probably meant."""
    return {code: near for code in codes if (near := nearest_codes(code, names))}


def did_you_mean(code: str, near: Iterable[str]) -> str:
    """Return what to say about a code that is not configured and nearly is."""
    return f"{code!r} is not a configured customer; did you mean {' or '.join(map(repr, near))}?"


def _is_name(word: str, name: str) -> bool:
    return word == name or is_near(word, name)


def _is_slip(word: str, known: str) -> bool:
    is_other_number = _DIGITS.sub("0", word) == _DIGITS.sub("0", known)
    return not is_other_number and is_near(word, known)


@dataclass(frozen=True, slots=True)
class Customer:
    """Where a customer's people are listed and under which role they may be read.

    Attributes:
        code: Folded customer code.
        name: Name for people.
        region: AWS region of the contact list.
        role_arn: Role to assume in the customer's account; empty when none is configured.
        external_id: What the role's trust policy asks for, or None.
        contact_list_name: The list, or None to look it up (an account has one).
        restricted_recipients: Folded addresses; when not empty, only these come through this customer.
    """

    code: str
    name: str
    region: str
    role_arn: str
    external_id: str | None = None
    contact_list_name: str | None = None
    restricted_recipients: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_restricted(self) -> bool:
        """Whether an allow-list limits who comes through this customer."""
        return bool(self.restricted_recipients)
