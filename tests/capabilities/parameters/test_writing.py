"""Writing parameters as customers do."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from ostler.capabilities.parameters import Limits
from ostler.capabilities.parameters.errors import (
    HierarchyTypeMismatchException,
    InvalidAllowedPatternException,
    InvalidKeyId,
    ParameterAlreadyExists,
    ParameterLimitExceeded,
    ParameterMaxVersionLimitExceeded,
    ParameterNotFound,
    ParameterPatternMismatchException,
    ParameterVersionLabelLimitExceeded,
    ParameterVersionNotFound,
    TooManyUpdates,
)
from ostler.capabilities.parameters.store.tables import labels, versions
from ostler.foundation.errors import AccessDeniedException, ApiError, ValidationException
from ostler.foundation.policy import Policy
from ostler.foundation.storage import Scope, Transaction
from tests.capabilities.parameters.conftest import (
    Store,
    names,
    on_both_engines,
    put,
    put_again,
    value_of,
)
from tests.support.calls import Customer, allowing

ARN = "arn:aws:ssm:eu-west-1:111122223333:parameter"


async def described(customer: Customer, name: str) -> Any:
    filters = [{"Key": "Name", "Values": [name]}]
    (found,) = (await customer.ask("DescribeParameters", ParameterFilters=filters))["Parameters"]
    return found


async def test_a_write_answers_with_version_and_tier(customer: Customer) -> None:
    first = await customer.ask("PutParameter", Name="x", Value="one", Type="String")
    second = await customer.ask("PutParameter", Name="x", Value="two", Overwrite=True)

    assert {"Version": 1, "Tier": "Standard"} == first
    assert {"Version": 2, "Tier": "Standard"} == second


async def test_nothing_is_overwritten_unasked(customer: Customer) -> None:
    await put(customer, "x", "one")

    for name in ("x", "/x"):
        with pytest.raises(ParameterAlreadyExists) as refused:
            await put(customer, name, "two")
    assert (
        "The parameter already exists. To overwrite this value, set the overwrite option in the "
        "request to true." == refused.value.message
    )
    assert "one" == await value_of(customer, "x")


async def test_what_is_not_given_stays(customer: Customer) -> None:
    await put(
        customer,
        "x",
        "12",
        Description="a number",
        AllowedPattern=r"\d+",
        DataType="integer",
        Tags=[{"Key": "stage", "Value": "prod"}],
    )
    await put_again(customer, "x", "13")

    told = await described(customer, "x")
    tags = await customer.ask("ListTagsForResource", ResourceType="Parameter", ResourceId="/x")
    assert ("a number", r"\d+", "integer", "String") == tuple(
        told[name] for name in ("Description", "AllowedPattern", "DataType", "Type")
    )
    assert [{"Key": "stage", "Value": "prod"}] == tags["TagList"]

    await put_again(customer, "x", "14", Description="", AllowedPattern="")
    told = await described(customer, "x")
    assert not {"Description", "AllowedPattern"} & set(told)


VALIDATION = "1 validation error detected: Value at 'value' failed to satisfy constraint: "
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("given", "fault", "words"),
    [
        ({"Type": None}, ValidationException, "A parameter type is required when you create"),
        ({"Name": "awsx"}, AccessDeniedException, "No access to reserved parameter name: awsx."),
        (
            {"Value": ""},
            ValidationException,
            f"{VALIDATION}Member must have length greater than or equal to 1",
        ),
        (
            {"Value": "x" * 32769},
            ValidationException,
            f"{VALIDATION}Member must have length less than or equal to 32768",
        ),
        (
            {"Value": "x" * 4097},
            ValidationException,
            "Standard tier parameters support a maximum parameter value of 4096 characters. "
            "To create a larger parameter value, upgrade",
        ),
        (
            {"Value": "x" * 8193, "Tier": "Advanced"},
            ValidationException,
            "Advanced-tier parameters support a maximum parameter value of 8192 characters.",
        ),
        (
            {"Value": "a {{ssm:b}} c"},
            ValidationException,
            "Parameter value can't nest another parameter. Do not use",
        ),
        ({"Value": "a\0b"}, ValidationException, "U.0000"),
        (
            {"Overwrite": True, "Tags": [{"Key": "a", "Value": "b"}]},
            ValidationException,
            "Invalid request: tags and overwrite can't be used together.",
        ),
        (
            {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]},
            ValidationException,
            "50 tags",
        ),
        ({"DataType": "Text"}, ValidationException, "data type is not supported: Text"),
        (
            {"DataType": "json", "Value": "{}"},
            ValidationException,
            "needs the advanced-parameter tier",
        ),
        ({"Policies": "nothing"}, ValidationException, "Invalid policies input: nothing."),
        ({"AllowedPattern": "["}, InvalidAllowedPatternException, "not a regular expression"),
        (
            {"AllowedPattern": r"\d+"},
            ParameterPatternMismatchException,
            "cannot be validated against allowedPattern",
        ),
        ({"Type": "SecureString", "KeyId": "alias/mine"}, InvalidKeyId, "alias/mine is not found"),
        (
            {"Type": "SecureString", "KeyId": KEY},
            InvalidKeyId,
            f"Key 'arn:aws:kms:eu-west-1:111122223333:key/{KEY}' does not exist .Service: AWSKMS",
        ),
        (
            {"Type": "SecureString", "KeyId": "arn:aws:kms:eu-west-1:444455556666:alias/aws/ssm"},
            AccessDeniedException,
            "444455556666",
        ),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_written(
    customer: Customer, store: Store, scope: Scope, given: Any, fault: type[ApiError], words: str
) -> None:
    order = {"Name": "x", "Value": "hunter2", "Type": "String", **given}
    order = {name: value for name, value in order.items() if value is not None}

    with pytest.raises(fault, match=words) as refused:
        await customer.ask("PutParameter", **order)

    assert "hunter2" not in str(refused.value)
    assert [] == names(await customer.ask("DescribeParameters"))
    assert [] == await store.told(scope)


@on_both_engines
async def test_writers_of_one_parameter_get_consecutive_versions(customer: Customer) -> None:
    async def write(number: int) -> int:
        return await put_again(customer, "/a/contended", f"value {number}", Type="String")

    given = await asyncio.gather(*(write(number) for number in range(40)))

    assert list(range(1, 41)) == sorted(given)
    history = (await customer.ask("GetParameterHistory", Name="/a/contended"))["Parameters"]
    assert {(version, f"value {at}") for at, version in enumerate(given)} == {
        (each["Version"], each["Value"]) for each in history
    }


@on_both_engines
async def test_of_several_creators_one_wins(customer: Customer) -> None:
    async def create(number: int) -> int:
        try:
            return await put(customer, "new", f"value {number}")
        except ParameterAlreadyExists:
            return 0

    assert [0] * 9 + [1] == sorted(await asyncio.gather(*(create(n) for n in range(10))))


@on_both_engines
async def test_a_writer_meets_the_terms_that_were_changed_meanwhile(customer: Customer) -> None:
    await put(customer, "x", "1")

    async def forbid() -> int:
        return await put_again(customer, "x", "12", AllowedPattern=r"\d+")

    async def write() -> int:
        try:
            return await put_again(customer, "x", "letters")
        except ParameterPatternMismatchException:
            return 0

    await asyncio.gather(forbid(), *(write() for _ in range(8)))

    history = (await customer.ask("GetParameterHistory", Name="x"))["Parameters"]
    assert [] == [
        each for each in history if each.get("AllowedPattern") and each["Value"] == "letters"
    ]


async def test_only_the_newest_versions_are_kept(store: Store, scope: Scope) -> None:
    customer = store.rebuilt(limits=Limits(versions=5)).customer(scope)
    for number in range(1, 8):
        assert number == await put_again(customer, "x", str(number), Type="String")

    history = (await customer.ask("GetParameterHistory", Name="x"))["Parameters"]
    assert [3, 4, 5, 6, 7] == [each["Version"] for each in history]
    with pytest.raises(ParameterVersionNotFound):
        await customer.ask("GetParameter", Name="x:2")


@on_both_engines
async def test_a_label_holds_the_oldest_version(store: Store, scope: Scope) -> None:
    customer = store.rebuilt(limits=Limits(versions=3)).customer(scope)
    for _ in range(3):
        await put_again(customer, "/a/x", Type="String")
    await customer.ask("LabelParameterVersion", Name="/a/x", ParameterVersion=1, Labels=["live"])

    with pytest.raises(ParameterMaxVersionLimitExceeded) as refused:
        await put_again(customer, "/a/x")
    assert (
        "You attempted to create a new version of /a/x by calling the PutParameter API with the "
        "overwrite flag. Version 1, the oldest version, can't be deleted because it has a label "
        "associated with it. Move the label to another version of the parameter, and try again."
        == refused.value.message
    )

    await customer.ask("LabelParameterVersion", Name="/a/x", ParameterVersion=2, Labels=["live"])
    assert 4 == await put_again(customer, "/a/x")


async def test_a_hundred_versions_are_kept(customer: Customer) -> None:
    for _ in range(101):
        await put_again(customer, "x", Type="String")

    pages = await customer.every("GetParameterHistory", "Parameters", Name="x")

    assert list(range(2, 102)) == [each["Version"] for page in pages for each in page]


@pytest.mark.parametrize(
    ("before", "after"), [("String", "SecureString"), ("SecureString", "String")]
)
async def test_a_string_may_become_a_secret_and_back(
    customer: Customer, before: str, after: str
) -> None:
    await put(customer, "x", "one", Type=before)
    await put_again(customer, "x", "two", Type=after)

    history = await customer.ask("GetParameterHistory", Name="x", WithDecryption=True)
    assert [(before, "one"), (after, "two")] == [
        (each["Type"], each["Value"]) for each in history["Parameters"]
    ]


async def test_a_list_stays_a_list(customer: Customer) -> None:
    await put(customer, "list", "a,b", Type="StringList")
    await put(customer, "string")

    with pytest.raises(HierarchyTypeMismatchException):
        await put_again(customer, "list", Type="String")
    with pytest.raises(HierarchyTypeMismatchException):
        await put_again(customer, "string", Type="StringList")


async def test_intelligent_tiering_chooses_and_never_goes_back(customer: Customer) -> None:
    async def tier(**given: Any) -> str:
        answer = await customer.ask("PutParameter", Name="x", Overwrite=True, **given)
        return str(answer["Tier"])

    small, large = {"Value": "v"}, {"Value": "v" * 5000}
    assert "Standard" == await tier(Tier="Intelligent-Tiering", Type="String", **small)
    assert "Advanced" == await tier(Tier="Intelligent-Tiering", **large)
    assert "Advanced" == await tier(Tier="Intelligent-Tiering", **small)
    assert "Advanced" == await tier(**small)
    with pytest.raises(ValidationException, match="You can't downgrade a parameter"):
        await tier(Tier="Standard", **small)
    assert "Advanced" == (await described(customer, "x"))["Tier"]


async def test_intelligent_tiering_knows_what_needs_more(customer: Customer) -> None:
    answer = await customer.ask(
        "PutParameter",
        Name="x",
        Value="{}",
        Type="String",
        DataType="json",
        Tier="Intelligent-Tiering",
    )

    assert "Advanced" == answer["Tier"]


@on_both_engines
async def test_a_tier_may_be_full(store: Store, scope: Scope) -> None:
    customer = store.rebuilt(limits=Limits(standard_count=2, advanced_count=2)).customer(scope)
    await put(customer, "a")
    await put(customer, "b")

    with pytest.raises(ParameterLimitExceeded, match=r"maximum number of standard parameters"):
        await put(customer, "c")
    await put(customer, "c", Tier="Intelligent-Tiering")
    await put_again(customer, "a", Tier="Advanced")
    assert "Advanced" == (await described(customer, "c"))["Tier"]
    with pytest.raises(ParameterLimitExceeded, match=r"advanced"):
        await put_again(customer, "b", Tier="Advanced")
    await put_again(customer, "b")
    await put(customer, "d")


async def test_more_may_be_allowed_than_aws_does(store: Store, scope: Scope) -> None:
    limits = Limits(standard_size=50_000, advanced_size=100_000)
    customer = store.rebuilt(limits=limits).customer(scope)

    await put(customer, "x", "v" * 50_000)
    await put(customer, "y", "v" * 100_000, Tier="Advanced")

    with pytest.raises(ValidationException, match="50000 characters"):
        await put(customer, "z", "v" * 50_001)


async def test_every_name_of_the_default_key_is_told_as_it_was_given(customer: Customer) -> None:
    arn = "arn:aws:kms:eu-west-1:111122223333:alias/aws/ssm"
    await put(customer, "x", Type="SecureString", KeyId=arn)
    assert arn == (await described(customer, "x"))["KeyId"]

    await put_again(customer, "x")
    assert "alias/aws/ssm" == (await described(customer, "x"))["KeyId"]
    assert "value" == await value_of(customer, "x:1", WithDecryption=True)


@on_both_engines
async def test_the_database_holds_no_secret(store: Store, customer: Customer, scope: Scope) -> None:
    await put(customer, "x", "hunter2", Type="SecureString", Description="d")

    (row,) = await store.house.storage.read(scope, lambda tx: tx.all(select(versions)))

    assert "hunter2" not in str(row)
    assert b"hunter2" not in row.sealed
    assert None is row.value


async def test_a_secret_is_bound_to_its_parameter(
    store: Store, scope: Scope, customer: Customer
) -> None:
    """What is copied to another parameter in the database does not open there."""
    await put(customer, "x", "hunter2", Type="SecureString")
    await put(customer, "y", "other", Type="SecureString")

    def move(tx: Transaction) -> None:
        stolen = tx.scalar(select(versions.c.sealed).where(versions.c.key == "x"))
        tx.execute(update(versions).where(versions.c.key == "y").values(sealed=stolen))

    await store.house.storage.write(scope, move)

    with pytest.raises(InvalidKeyId, match="for another parameter"):
        await value_of(customer, "y", WithDecryption=True)


async def a_key(store: Store, scope: Scope) -> str:
    made = await store.owner_of_keys(scope).ask("CreateKey")
    return str(made["KeyMetadata"]["KeyId"])


@on_both_engines
async def test_a_key_may_be_named_by_id_arn_and_alias(
    store: Store, customer: Customer, scope: Scope
) -> None:
    key = await a_key(store, scope)
    keys = store.owner_of_keys(scope)
    await keys.ask("CreateAlias", AliasName="alias/shop", TargetKeyId=key)
    arn = f"arn:aws:kms:eu-west-1:111122223333:key/{key}"

    for number, name in enumerate((key, arn, "alias/shop")):
        await put(customer, f"x{number}", "hunter2", Type="SecureString", KeyId=name)
        assert name == (await described(customer, f"x{number}"))["KeyId"]
        assert "hunter2" == await value_of(customer, f"x{number}", WithDecryption=True)

    # The ciphertext knows its key: an alias that wanders on leaves it readable.
    other = await a_key(store, scope)
    await keys.ask("UpdateAlias", AliasName="alias/shop", TargetKeyId=other)
    assert "hunter2" == await value_of(customer, "x2", WithDecryption=True)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("DisableKey", "is disabled. .Service: AWSKMS; Status Code: 400; Error Code: Disabled"),
        ("ScheduleKeyDeletion", "is pending deletion. .Service: AWSKMS.*KMSInvalidState"),
    ],
)
async def test_a_key_that_is_off_is_told_in_awss_words(
    store: Store, customer: Customer, scope: Scope, spoil: str, words: str
) -> None:
    key = await a_key(store, scope)
    await put(customer, "x", "hunter2", Type="SecureString", KeyId=key)
    await store.owner_of_keys(scope).ask(spoil, KeyId=key)

    with pytest.raises(InvalidKeyId, match=words):
        await put_again(customer, "x", "next", KeyId=key)
    with pytest.raises(InvalidKeyId, match=words):
        await value_of(customer, "x", WithDecryption=True)
    assert 1 == (await described(customer, "x"))["Version"]


async def test_a_customers_key_is_asked_for_and_the_houses_is_not(
    store: Store, customer: Customer, scope: Scope
) -> None:
    key = await a_key(store, scope)
    arn = f"arn:aws:kms:eu-west-1:111122223333:key/{key}"
    store_only = store.customer(scope, allowing("ssm:*"))
    await put(store_only, "plain", "hunter2", Type="SecureString")
    assert "hunter2" == await value_of(store_only, "plain", WithDecryption=True)

    with pytest.raises(AccessDeniedException, match="kms:Encrypt"):
        await put(store_only, "x", Type="SecureString", KeyId=key)
    with pytest.raises(AccessDeniedException, match="kms:GenerateDataKey"):
        await put(store_only, "x", Type="SecureString", KeyId=key, Tier="Advanced")
    await put(customer, "x", "hunter2", Type="SecureString", KeyId=key)
    with pytest.raises(AccessDeniedException, match="kms:Decrypt"):
        await value_of(store_only, "x", WithDecryption=True)
    assert "hunter2" not in await value_of(store_only, "x")
    reader = store.customer(scope, allowing(["ssm:GetParameter", "kms:Decrypt"], ["*", arn]))
    assert "hunter2" == await value_of(reader, "x", WithDecryption=True)


async def test_a_policy_may_say_for_which_parameter_a_key_is(
    store: Store, customer: Customer, scope: Scope
) -> None:
    key = await a_key(store, scope)
    bound = {"kms:EncryptionContext:PARAMETER_ARN": "arn:aws:ssm:*:*:parameter/shop/*"}
    through = {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"}
    condition = {"StringLike": bound, "StringEquals": through}
    statements = [
        {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": condition},
    ]
    clerk = store.customer(scope, (Policy.parse({"Statement": statements}),))

    await put(clerk, "/shop/x", Type="SecureString", KeyId=key)
    with pytest.raises(AccessDeniedException, match="kms:Encrypt"):
        await put(clerk, "/till/x", Type="SecureString", KeyId=key)


@on_both_engines
async def test_a_deleted_name_is_free_at_once(customer: Customer) -> None:
    tag = [{"Key": "stage", "Value": "prod"}]
    await put(customer, "/a/x", Tags=tag)
    await put_again(customer, "/a/x")
    await customer.ask("LabelParameterVersion", Name="/a/x", Labels=["live"])

    await customer.ask("DeleteParameter", Name="/a/x")

    with pytest.raises(ParameterNotFound):
        await customer.ask("GetParameter", Name="/a/x")
    assert 1 == await put(customer, "/a/x", "anew", Tags=tag)
    with pytest.raises(ParameterVersionNotFound):
        await customer.ask("GetParameter", Name="/a/x:live")
    with pytest.raises(ParameterNotFound):
        await customer.ask("DeleteParameter", Name="/none")


async def test_tags_go_with_their_parameter(customer: Customer) -> None:
    await put(customer, "x", Tags=[{"Key": "a", "Value": "b"}])
    await customer.ask("DeleteParameter", Name="x")
    await put(customer, "x")

    tags = await customer.ask("ListTagsForResource", ResourceType="Parameter", ResourceId="x")
    assert [] == tags["TagList"]


async def test_several_are_deleted_at_once(customer: Customer) -> None:
    for name in ("a", "/b/c", "d"):
        await put(customer, name)

    gone = await customer.ask("DeleteParameters", Names=["/a", "/b/c", "none", "no name"])

    assert {
        "DeletedParameters": ["/a", "/b/c"],
        "InvalidParameters": ["none", "no name"],
    } == gone
    assert ["d"] == names(await customer.ask("DescribeParameters"))


@on_both_engines
async def test_labels_wander(customer: Customer, store: Store, scope: Scope) -> None:
    for value in ("one", "two"):
        await put_again(customer, "x", value, Type="String")

    labelled = await customer.ask(
        "LabelParameterVersion", Name="x", ParameterVersion=1, Labels=["live", "9x", "awsx", "a/b"]
    )
    assert {"InvalidLabels": ["9x", "awsx", "a/b"], "ParameterVersion": 1} == labelled
    assert "one" == await value_of(customer, "x:live")

    moved = await customer.ask("LabelParameterVersion", Name="/x", Labels=["live", "new"])
    assert {"InvalidLabels": [], "ParameterVersion": 2} == moved
    assert "two" == await value_of(customer, "x:live")
    rows = await store.house.storage.read(scope, lambda tx: tx.all(select(labels)))
    assert {("live", 2), ("new", 2)} == {(row.label, row.version) for row in rows}


async def test_a_version_carries_ten_labels(customer: Customer) -> None:
    await put(customer, "x")
    ten = [f"l{n}" for n in range(10)]
    await customer.ask("LabelParameterVersion", Name="x", Labels=ten)
    await customer.ask("LabelParameterVersion", Name="x", Labels=ten)

    with pytest.raises(ParameterVersionLabelLimitExceeded) as refused:
        await customer.ask("LabelParameterVersion", Name="x", Labels=["eleven"])
    assert (
        "A parameter version can have maximum 10 labels. Move one or more labels to another "
        "version and try again." == refused.value.message
    )


async def test_labels_are_taken_off(customer: Customer) -> None:
    for _ in range(2):
        await put_again(customer, "x", Type="String")
    await customer.ask("LabelParameterVersion", Name="x", ParameterVersion=1, Labels=["a", "b"])
    await customer.ask("LabelParameterVersion", Name="x", ParameterVersion=2, Labels=["c"])

    taken = await customer.ask(
        "UnlabelParameterVersion", Name="x", ParameterVersion=1, Labels=["a", "c", "d"]
    )

    assert {"RemovedLabels": ["a"], "InvalidLabels": ["c", "d"]} == taken
    history = (await customer.ask("GetParameterHistory", Name="x"))["Parameters"]
    assert [["b"], ["c"]] == [each["Labels"] for each in history]


@pytest.mark.parametrize("operation", ["LabelParameterVersion", "UnlabelParameterVersion"])
async def test_labels_need_a_version(customer: Customer, operation: str) -> None:
    await put(customer, "x")

    with pytest.raises(ParameterNotFound):
        await customer.ask(operation, Name="none", ParameterVersion=1, Labels=["a"])
    for number in (2, -1, 2**62):
        with pytest.raises(ParameterVersionNotFound) as refused:
            await customer.ask(operation, Name="x", ParameterVersion=number, Labels=["a"])
        assert f"could not find version {number} of x" in refused.value.message


async def test_changes_are_announced(store: Store, customer: Customer, scope: Scope) -> None:
    await put(customer, "/a/x", "hunter2", Description="said")
    await put_again(customer, "/a/x", "hunter2", Type="SecureString")
    await customer.ask("LabelParameterVersion", Name="/a/x", Labels=["live"])
    await customer.ask("LabelParameterVersion", Name="/a/x", Labels=["live"])
    await customer.ask("DeleteParameters", Names=["/a/x"])

    told = await store.told(scope)

    assert "hunter2" not in str(told)
    assert {"operation": "Create", "name": "/a/x", "type": "String", "description": "said"} == told[
        0
    ]
    assert ["Create", "Update", "LabelParameterVersion", "Delete"] == [
        each["operation"] for each in told
    ]


async def test_an_image_is_looked_at_after_the_answer(
    store: Store, customer: Customer, scope: Scope
) -> None:
    """As AWS does: the write succeeds, and what came of it is announced."""
    assert 1 == await put(customer, "good", "ami-0123456789abcdef0", DataType="aws:ec2:image")
    assert 1 == await put(customer, "bad", "ami-x", DataType="aws:ec2:image")

    told = await store.told(scope)
    assert "exception" not in told[0]
    assert {
        "operation": "Create",
        "name": "bad",
        "type": "String",
        "dataType": "aws:ec2:image",
        "exception": "Unable to Describe Resource",
    } == told[1]
    with pytest.raises(ParameterNotFound):
        await customer.ask("GetParameter", Name="bad")
    with pytest.raises(ValidationException, match="cannot be changed from aws:ec2:image"):
        await put_again(customer, "good", DataType="text")


def policies(*statements: Any) -> tuple[Policy, ...]:
    return (Policy.parse({"Version": "2012-10-17", "Statement": list(statements)}),)


ALL = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("key", "given"),
    [
        ("ssm:Overwrite", {"Overwrite": True}),
        (
            "ssm:Policies",
            {
                "Tier": "Advanced",
                "Policies": '[{"Type":"NoChangeNotification","Version":"1.0",'
                '"Attributes":{"After":"1","Unit":"Days"}}]',
            },
        ),
    ],
)
async def test_conditions_of_a_write(store: Store, scope: Scope, key: str, given: Any) -> None:
    denied = {
        "Effect": "Deny",
        "Action": "ssm:PutParameter",
        "Resource": "*",
        "Condition": {"StringEquals": {key: "true"}},
    }
    writer = store.customer(scope, policies(ALL, denied))

    await put(writer, "x")
    with pytest.raises(AccessDeniedException):
        await put(writer, "y", **given)


async def test_tags_are_a_permission_and_a_condition(store: Store, scope: Scope) -> None:
    tags = [{"Key": "stage", "Value": "prod"}]
    only_puts = store.customer(scope, allowing("ssm:PutParameter"))
    with pytest.raises(AccessDeniedException, match="ssm:AddTagsToResource"):
        await put(only_puts, "x", Tags=tags)

    await put(store.customer(scope), "/team/x", Tags=tags)
    of_test = {
        "Effect": "Allow",
        "Action": "ssm:GetParameter",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/stage": "test"}},
    }
    with pytest.raises(AccessDeniedException):
        await value_of(store.customer(scope, policies(of_test)), "/team/x")
    of_test["Condition"] = {"StringEquals": {"ssm:resourceTag/stage": "prod"}}
    assert "value" == await value_of(store.customer(scope, policies(of_test)), "/team/x")


async def test_accounts_have_parameters_of_their_own(
    store: Store, customer: Customer, other_scope: Scope
) -> None:
    stranger = store.customer(other_scope)
    await put(customer, "/a/x", "ours")
    await put(stranger, "/a/x", "theirs", Type="SecureString")
    await customer.ask("LabelParameterVersion", Name="/a/x", Labels=["live"])

    assert "theirs" == await value_of(stranger, "/a/x", WithDecryption=True)
    with pytest.raises(ParameterVersionNotFound):
        await value_of(stranger, "/a/x:live")
    await stranger.ask("DeleteParameter", Name="/a/x")
    assert "ours" == await value_of(customer, "/a/x:live")


@on_both_engines
async def test_a_write_may_expect_a_version(customer: Customer) -> None:
    """Who read and changed a value does not overwrite what somebody else wrote meanwhile."""
    new = {"Name": "x", "Value": "new", "Type": "String", "Overwrite": True}

    with pytest.raises(TooManyUpdates, match="x is at version 0 and not, as expected, at 1"):
        await customer.ask("PutParameter", **new, IfVersion=1)
    assert 1 == (await customer.ask("PutParameter", **new, IfVersion=0))["Version"]
    with pytest.raises(TooManyUpdates):
        await customer.ask("PutParameter", **new, IfVersion=0)
    assert 2 == (await customer.ask("PutParameter", **new, IfVersion=1))["Version"]
    with pytest.raises(TooManyUpdates):
        await customer.ask("PutParameter", **new, IfVersion=1)
    assert 3 == await put_again(customer, "x")


@on_both_engines
async def test_of_many_who_expect_the_same_version_one_writes(customer: Customer) -> None:
    await put(customer, "x", "0")

    async def add_one() -> None:
        while True:
            found = (await customer.ask("GetParameter", Name="x"))["Parameter"]
            order = {"Name": "x", "Value": str(int(found["Value"]) + 1), "Overwrite": True}
            try:
                await customer.ask("PutParameter", **order, IfVersion=found["Version"])
            except TooManyUpdates:
                continue
            return

    await asyncio.gather(*(add_one() for _ in range(10)))

    assert "10" == await value_of(customer, "x")
