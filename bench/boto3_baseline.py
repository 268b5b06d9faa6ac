"""The obvious program: boto3, one thread a customer, sixty-four at a time. Prints how many are invited.

It is as quick as it can be without leaving boto3: one session (a session a customer costs 100 ms more each),
client making behind a lock (sessions are not thread-safe), enough connections, the largest page.
"""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
TOPIC = "aws-calendar"
PAGE_SIZE = 1000
THREADS = 64


class Reader:
    """Reads one customer after another in each of its threads."""

    def __init__(self) -> None:
        self._session = boto3.Session()
        self._lock = threading.Lock()
        self._sts = self._session.client("sts", REGION, config=Config(max_pool_connections=THREADS))

    def read(self, number: int) -> set[str]:
        """Return the addresses that one customer's subscribers have."""
        ses = self._open_ses(number)
        name = ses.list_contact_lists()["ContactLists"][0]["ContactListName"]
        topics = {one["TopicName"]: one for one in ses.get_contact_list(ContactListName=name)["Topics"]}
        default = topics[TOPIC]["DefaultSubscriptionStatus"]
        invited: set[str] = set()
        page: dict[str, Any] = {}
        while not page or "NextToken" in page:
            following = {"NextToken": page["NextToken"]} if page else {}
            page = ses.list_contacts(ContactListName=name, PageSize=PAGE_SIZE, **following)
            invited |= {one["EmailAddress"].lower() for one in page["Contacts"] if is_invited(one, default)}
        return invited

    def _open_ses(self, number: int) -> Any:
        role = f"arn:aws:iam::{number:012d}:role/reader"
        key = self._sts.assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]
        with self._lock:
            return self._session.client(
                "sesv2",
                REGION,
                aws_access_key_id=key["AccessKeyId"],
                aws_secret_access_key=key["SecretAccessKey"],
                aws_session_token=key["SessionToken"],
            )


def is_invited(contact: dict[str, Any], default: str) -> bool:
    """Whether the contact is subscribed to the topic."""
    if contact["UnsubscribeAll"]:
        return False
    chosen = {one["TopicName"]: one["SubscriptionStatus"] for one in contact.get("TopicPreferences", [])}
    return bool(chosen.get(TOPIC, default) == "OPT_IN")


def main() -> None:
    """Read as many customers as the first argument says."""
    reader = Reader()
    with ThreadPoolExecutor(THREADS) as pool:
        invited: set[str] = set().union(*pool.map(reader.read, range(int(sys.argv[1]))))
    print(len(sorted(invited)))


if __name__ == "__main__":
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    main()
