"""Whose subscribers get which mail."""

from __future__ import annotations

import pytest

from contact_manager.domain.change import ChangeKind
from contact_manager.domain.notification import NotificationKind, NotificationTopics

ANNOUNCEMENT_TOPICS = {
    ChangeKind.CIC: "cic-announce",
    ChangeKind.FINOPS: "finops-announce",
    ChangeKind.INNERSOURCE: "inner-announce",
    ChangeKind.GENERAL: "general-updates",
}
ANNOUNCEMENTS = [kind for kind in ChangeKind if kind.is_announcement]


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        (NotificationKind.APPROVAL_REQUEST, "aws-approval"),
        (NotificationKind.ANNOUNCEMENT, "aws-announce"),
        (NotificationKind.COMPLETION, "aws-announce"),
        (NotificationKind.CANCELLATION, "aws-announce"),
    ],
)
def test_a_technical_change_goes_to_the_aws_topics(kind: NotificationKind, topic: str) -> None:
    assert NotificationTopics().topic_for(kind, ChangeKind.CHANGE) == topic


@pytest.mark.parametrize("change_kind", ANNOUNCEMENTS)
@pytest.mark.parametrize("kind", [one for one in NotificationKind if one.name != "APPROVAL_REQUEST"])
def test_an_announcement_goes_to_its_own_topic(kind: NotificationKind, change_kind: ChangeKind) -> None:
    assert NotificationTopics().topic_for(kind, change_kind) == ANNOUNCEMENT_TOPICS[change_kind]


@pytest.mark.parametrize("change_kind", ANNOUNCEMENTS)
def test_the_approval_of_every_announcement_is_asked_of_the_same_people(change_kind: ChangeKind) -> None:
    topics = NotificationTopics()
    assert topics.topic_for(NotificationKind.APPROVAL_REQUEST, change_kind) == "announce-approval"


@pytest.mark.parametrize("kind", NotificationKind)
@pytest.mark.parametrize("change_kind", ChangeKind)
def test_every_mail_about_everything_has_a_topic(kind: NotificationKind, change_kind: ChangeKind) -> None:
    assert NotificationTopics().topic_for(kind, change_kind)


def test_configured_topics_replace_the_usual_ones() -> None:
    topics = NotificationTopics(completion="done", finops="money")
    assert topics.topic_for(NotificationKind.COMPLETION, ChangeKind.CHANGE) == "done"
    assert topics.topic_for(NotificationKind.COMPLETION, ChangeKind.FINOPS) == "money"
