"""The CloudFormation templates: correct by AWS's own schemas, and what must never be lost from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.decode import cfn_yaml
from samtranslator.translator.transform import transform

from deploy.package import DEFAULT_ARCHITECTURE, DEFAULT_PYTHON

ROOT = Path(__file__).parents[2]
OURS = ROOT / "deploy" / "template.yaml"
CUSTOMERS = ROOT / "deploy" / "customer-role.yaml"
ACTIONS_WITHOUT_RESOURCE = {"ses:GetAccount", "ses:ListContactLists", "ses:ListSuppressedDestinations"}
"""docs.aws.amazon.com/service-authorization, list_sesv2: no type of resource, or an optional one."""

Json = dict[str, Any]


class NoManagedPolicies:
    """What the SAM translator would ask AWS for; the templates use none of it."""

    def load(self) -> Json:
        return {}


def read(path: Path) -> Json:
    """Return a template with its short forms, such as ``!Sub``, written out."""
    found: Json = json.loads(json.dumps(cfn_yaml.load(str(path))))
    return found


@pytest.fixture(scope="module")
def template() -> Json:
    return read(OURS)


@pytest.fixture(scope="module")
def plain() -> Json:
    """Our template as CloudFormation sees it, after the SAM transform."""
    source = read(OURS)
    source["Globals"]["Function"]["CodeUri"] = "s3://example-bucket/lambda.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        done: Json = transform(source, {}, NoManagedPolicies())
    return done


def resources(template: Json, kind: str) -> dict[str, Json]:
    found = template["Resources"].items()
    return {name: one.get("Properties", {}) for name, one in found if one["Type"] == kind}


def statements(template: Json) -> Iterator[Json]:
    """Yield what the roles allow, conditional statements included."""
    for role in resources(template, "AWS::IAM::Role").values():
        for policy in role["Policies"]:
            for one in policy["PolicyDocument"]["Statement"]:
                yield one["Fn::If"][1] if "Fn::If" in one else one


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(template: Json) -> dict[str, list[str]]:
    """Return the resources of every action, as texts."""
    found: dict[str, list[str]] = {}
    for one in statements(template):
        for action in listed(one["Action"]):
            found.setdefault(action, []).extend(json.dumps(each) for each in listed(one["Resource"]))
    return found


@pytest.mark.parametrize("path", [OURS, CUSTOMERS], ids=lambda path: path.stem)
def test_cfn_lint_finds_nothing(path: Path) -> None:
    assert [str(one) for one in lint(path.read_text())] == []


def test_cfn_lint_finds_nothing_in_what_sam_makes_of_it(plain: Json) -> None:
    assert [str(one) for one in lint(json.dumps(plain))] == []


def test_the_archive_never_expires(template: Json) -> None:
    [bucket] = resources(template, "AWS::S3::Bucket").values()
    rules = {one["Prefix"]: one for one in bucket["LifecycleConfiguration"]["Rules"]}
    assert set(rules) == {"", "ledger/", "claims/", "customers/"}
    for prefix in ("", "customers/"):
        assert [name for name in rules[prefix] if name.startswith(("Expiration", "Transition"))] == []
    assert "NoncurrentVersionExpiration" not in rules[""]
    assert template["Resources"]["Bucket"]["DeletionPolicy"] == "Retain"
    assert template["Resources"]["Bucket"]["UpdateReplacePolicy"] == "Retain"


def test_nothing_is_left_of_deleted_and_of_unfinished_objects(template: Json) -> None:
    [bucket] = resources(template, "AWS::S3::Bucket").values()
    [rule] = [one for one in bucket["LifecycleConfiguration"]["Rules"] if one["Prefix"] == ""]
    assert rule["ExpiredObjectDeleteMarker"] is True
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("BucketPolicy", "Bucket"),
        ("WorkQueuePolicy", "WorkQueue"),
        ("DeadLetterQueuePolicy", "DeadLetterQueue"),
    ],
)
def test_everything_that_is_kept_is_reached_over_tls_only(template: Json, policy: str, kept: str) -> None:
    properties = template["Resources"][policy]["Properties"]
    [denied] = [one for one in properties["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
    assert (denied["Principal"], denied["Action"]) == ("*", "s3:*" if kept == "Bucket" else "sqs:*")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert f'"{kept}"' in json.dumps([properties.get("Queues"), properties.get("Bucket")])
    assert f'"{kept}", "Arn"' in json.dumps(denied["Resource"])


def test_a_key_of_ones_own_encrypts_all_that_is_kept_and_the_functions_may_use_it(template: Json) -> None:
    key = {"Ref": "EncryptionKeyArn"}
    [bucket] = resources(template, "AWS::S3::Bucket").values()
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["Fn::If"] == [
        "EncryptsWithKey",
        {
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
            "BucketKeyEnabled": True,
        },
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}},
    ]
    for queue in resources(template, "AWS::SQS::Queue").values():
        assert queue["KmsMasterKeyId"]["Fn::If"] == ["EncryptsWithKey", key, {"Ref": "AWS::NoValue"}]
    [used] = [one for one in statements(template) if one.get("Sid") == "UseTheKeyOfBucketAndQueue"]
    assert used["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert used["Resource"] == key
    services = used["Condition"]["StringEquals"]["kms:ViaService"]
    assert [one["Fn::Sub"].partition(".")[0] for one in services] == ["s3", "sqs"]


def test_the_bucket_is_private_and_encrypted(template: Json) -> None:
    [bucket] = resources(template, "AWS::S3::Bucket").values()
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in bucket
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_only_uploads_for_customers_are_triggers(template: Json) -> None:
    [bucket] = resources(template, "AWS::S3::Bucket").values()
    [one] = bucket["NotificationConfiguration"]["QueueConfigurations"]
    rules = {rule["Name"]: rule["Value"] for rule in one["Filter"]["S3Key"]["Rules"]}
    assert (one["Event"], rules) == ("s3:ObjectCreated:*", {"prefix": "customers/", "suffix": ".json"})


def test_only_this_bucket_of_this_account_may_send(template: Json) -> None:
    policy = resources(template, "AWS::SQS::QueuePolicy")["WorkQueuePolicy"]
    [one] = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert one["Principal"] == {"Service": "s3.amazonaws.com"}
    assert one["Condition"] == {
        "ArnEquals": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:s3:::${BucketName}"}},
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }


def test_a_message_stays_hidden_for_six_times_the_functions_time(plain: Json) -> None:
    timeout = resources(plain, "AWS::Lambda::Function")["Worker"]["Timeout"]
    [source] = resources(plain, "AWS::Lambda::EventSourceMapping").values()
    queue = resources(plain, "AWS::SQS::Queue")["WorkQueue"]
    assert queue["VisibilityTimeout"] >= 6 * timeout + source["MaximumBatchingWindowInSeconds"]


def test_one_bad_trigger_does_not_repeat_the_whole_batch(plain: Json) -> None:
    [source] = resources(plain, "AWS::Lambda::EventSourceMapping").values()
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] == 10


def test_no_more_batches_are_taken_than_are_reserved(plain: Json) -> None:
    [source] = resources(plain, "AWS::Lambda::EventSourceMapping").values()
    worker = resources(plain, "AWS::Lambda::Function")["Worker"]
    assert source["ScalingConfig"]["MaximumConcurrency"] == {"Ref": "MaximumConcurrency"}
    assert worker["ReservedConcurrentExecutions"]["Fn::If"][1] == {"Ref": "MaximumConcurrency"}


def test_a_trigger_that_fails_ten_times_is_kept(template: Json) -> None:
    queues = resources(template, "AWS::SQS::Queue")
    redrive = queues["WorkQueue"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == 10
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    assert queues["DeadLetterQueue"]["MessageRetentionPeriod"] == 14 * 24 * 3600
    without_key = [one["SqsManagedSseEnabled"]["Fn::If"] for one in queues.values()]
    assert without_key == [["EncryptsWithKey", {"Ref": "AWS::NoValue"}, True]] * 2


def test_claims_live_as_long_as_the_ledger(template: Json) -> None:
    [bucket] = resources(template, "AWS::S3::Bucket").values()
    rules = {one["Prefix"]: one for one in bucket["LifecycleConfiguration"]["Rules"]}
    kept = {rules[prefix]["ExpirationInDays"]["Ref"] for prefix in ("claims/", "ledger/")}
    assert kept == {"LedgerRetentionDays"}


@pytest.mark.parametrize("path", [OURS, CUSTOMERS], ids=lambda path: path.stem)
def test_everything_is_allowed_only_where_it_is_needed(path: Path) -> None:
    found = allowed(read(path))
    assert {action for action, where in found.items() if '"*"' in where} <= ACTIONS_WITHOUT_RESOURCE
    assert [action for action in found if "*" in action] == []


def test_each_prefix_of_the_bucket_has_its_own_rights(template: Json) -> None:
    found = {
        action.removeprefix("s3:"): set(re.findall(r"BucketName\}/(\w+)/\*", " ".join(where)))
        for action, where in allowed(template).items()
        if action.startswith("s3:")
    }
    assert found == {
        "GetObject": {"archive", "ledger", "claims", "customers"},
        "GetObjectTagging": {"archive"},
        "PutObject": {"archive", "ledger", "claims"},
        "PutObjectTagging": {"archive"},
        "DeleteObject": {"customers"},
        "ListBucket": set(),
    }


def test_exactly_three_parameters_may_be_read(template: Json) -> None:
    named = re.findall(r":parameter\$\{(\w+)\}", " ".join(allowed(template)["ssm:GetParameters"]))
    assert sorted(named) == ["ClientIdParameter", "ClientSecretParameter", "TenantIdParameter"]
    defaults = [template["Parameters"][name]["Default"] for name in sorted(named)]
    assert defaults == ["/azure/client-id", "/azure/client-secret", "/azure/tenant-id"]
    [decrypt] = [one for one in statements(template) if one["Action"] == "kms:Decrypt"]
    assert "kms:ViaService" in decrypt["Condition"]["StringEquals"]


def test_not_every_role_can_be_named_as_the_customers(template: Json) -> None:
    pattern = re.compile(template["Parameters"]["CustomerRoles"]["AllowedPattern"])
    assert pattern.fullmatch("arn:aws:iam::111111111111:role/contact-reader")
    assert pattern.fullmatch("arn:aws:iam::*:role/contact-reader")
    assert not pattern.fullmatch("*")
    assert not pattern.fullmatch("arn:aws:iam::*:role/*")


def test_a_customers_role_asks_for_the_external_id() -> None:
    [role] = resources(read(CUSTOMERS), "AWS::IAM::Role").values()
    [one] = role["AssumeRolePolicyDocument"]["Statement"]
    assert one["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    assert "Default" not in read(CUSTOMERS)["Parameters"]["ExternalId"]


def test_a_customers_role_sends_as_one_sender_only() -> None:
    [one] = [each for each in statements(read(CUSTOMERS)) if "ses:SendEmail" in each["Action"]]
    assert one["Condition"] == {"StringEqualsIgnoreCase": {"ses:FromAddress": {"Ref": "SenderAddress"}}}
    kinds = {each["Fn::Sub"].split(":")[-1] for each in one["Resource"]}
    assert kinds == {"identity/*", "configuration-set/*", "contact-list/*"}


def test_a_customers_role_that_sends_no_mail_cannot_look_at_the_account() -> None:
    [role] = resources(read(CUSTOMERS), "AWS::IAM::Role").values()
    [policy] = role["Policies"]
    always = [one for one in policy["PolicyDocument"]["Statement"] if "Fn::If" not in one]
    sending = [one["Fn::If"] for one in policy["PolicyDocument"]["Statement"] if "Fn::If" in one]
    assert {action for one in always for action in one["Action"]} == {
        "ses:GetContactList", "ses:ListContacts", "ses:ListContactLists", "ses:ListSuppressedDestinations"
    }  # fmt: skip
    assert {(name, one["Action"]) for name, one, _ in sending} == {
        ("SendsMail", "ses:GetAccount"),
        ("SendsMail", "ses:SendEmail"),
    }


def test_the_page_on_the_customers_role_tells_what_the_template_allows() -> None:
    page = (ROOT / "docs" / "how-to" / "customer-role.md").read_text("utf-8")
    assert set(re.findall(r'"(ses:\w+)"[,\s\]]', page)) == set(allowed(read(CUSTOMERS)))


def test_the_code_is_packed_for_the_functions_it_runs_in(plain: Json) -> None:
    functions = resources(plain, "AWS::Lambda::Function").values()
    assert {one["Runtime"] for one in functions} == {f"python{DEFAULT_PYTHON}"}
    assert [one["Architectures"] for one in functions] == [[DEFAULT_ARCHITECTURE]] * 2
