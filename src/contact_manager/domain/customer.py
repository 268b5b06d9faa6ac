"""A customer organization: one AWS account with one SES contact list."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_CODE = re.compile(r"[a-z0-9-]{1,50}")


def fold_customer_code(raw: str) -> str | None:
    """Return the code trimmed and in lower case, or None if it is not one (``[a-z0-9-]{1,50}``)."""
    folded = raw.strip().lower()
    return folded if _CODE.fullmatch(folded) else None


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
