"""The AWS API of Parameter Store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ostler.capabilities.parameters.model.filters import Spoken, describing, reading_by_path
from ostler.capabilities.parameters.model.kinds import Kind, Tier
from ostler.capabilities.parameters.model.names import asked_name, new_name, plain_name
from ostler.capabilities.parameters.model.parameters import Order, Version
from ostler.capabilities.parameters.model.policies import Policy, read_policies
from ostler.capabilities.parameters.service.reading import Parameter, Parameters
from ostler.capabilities.parameters.service.sharing import Described
from ostler.capabilities.parameters.service.writing import Writing
from ostler.capabilities.tags import paired
from ostler.foundation.call import Call
from ostler.foundation.errors import ValidationException

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


class Operations:
    """Writes and reads parameters."""

    service = "ssm"

    def __init__(self, parameters: Parameters, writing: Writing) -> None:
        self._parameters = parameters
        self._writing = writing

    async def put_parameter(
        self, call: Call, given: ssm.PutParameterRequest
    ) -> ssm.PutParameterResult:
        policies = given.get("Policies")
        order = Order(
            name=new_name(given["Name"], call.scope),
            value=given["Value"],
            kind=Kind(given["Type"]) if "Type" in given else None,
            overwrite=given.get("Overwrite", False),
            tier=Tier(given["Tier"]) if "Tier" in given else None,
            data_type=given.get("DataType") or None,
            key_id=given.get("KeyId"),
            description=given.get("Description"),
            pattern=given.get("AllowedPattern"),
            policies=None if policies is None else read_policies(policies),
            tags=paired((tag["Key"], tag["Value"]) for tag in given.get("Tags", [])),
            expected=given.get("IfVersion"),
        )
        written = await self._writing.put(call, order)
        return {"Version": written.number, "Tier": written.tier.value}

    async def get_parameter(
        self, call: Call, given: ssm.GetParameterRequest
    ) -> ssm.GetParameterResult:
        name = asked_name(given["Name"], call.scope)
        decrypt = given.get("WithDecryption", False)
        return {"Parameter": _parameter(await self._parameters.get(call, name, decrypt=decrypt))}

    async def get_parameters(
        self, call: Call, given: ssm.GetParametersRequest
    ) -> ssm.GetParametersResult:
        names = [asked_name(name, call.scope) for name in given["Names"]]
        found, missing = await self._parameters.get_many(
            call, names, decrypt=given.get("WithDecryption", False)
        )
        return {
            "Parameters": [_parameter(each) for each in found],
            "InvalidParameters": missing,
        }

    async def get_parameters_by_path(
        self, call: Call, given: ssm.GetParametersByPathRequest
    ) -> Mapping[str, Any]:
        page = await self._parameters.under(
            call,
            given["Path"],
            deep=given.get("Recursive", False),
            clauses=reading_by_path(_spoken(given.get("ParameterFilters", []))),
            decrypt=given.get("WithDecryption", False),
            asked=call.page_request(given, default=10, most=10),
        )
        return call.paged("Parameters", page, _parameter)

    async def describe_parameters(
        self, call: Call, given: ssm.DescribeParametersRequest
    ) -> Mapping[str, Any]:
        clauses = describing(
            [(legacy["Key"], legacy["Values"]) for legacy in given.get("Filters", [])],
            _spoken(given.get("ParameterFilters", [])),
        )
        page = await self._parameters.describe(
            call,
            clauses,
            call.page_request(given, default=10, most=50),
            shared=given.get("Shared", False),
        )
        return call.paged("Parameters", page, _described)

    async def get_parameter_history(
        self, call: Call, given: ssm.GetParameterHistoryRequest
    ) -> Mapping[str, Any]:
        name = asked_name(given["Name"], call.scope, selectors=False)
        page = await self._parameters.history(
            call,
            name,
            decrypt=given.get("WithDecryption", False),
            asked=call.page_request(given, default=50, most=50),
        )
        return call.paged("Parameters", page, _remembered)

    async def delete_parameter(
        self, call: Call, given: ssm.DeleteParameterRequest
    ) -> ssm.DeleteParameterResult:
        await self._writing.delete(call, plain_name(given["Name"]))
        return {}

    async def delete_parameters(
        self, call: Call, given: ssm.DeleteParametersRequest
    ) -> ssm.DeleteParametersResult:
        names = {}
        for text in given["Names"]:
            try:
                names[text] = plain_name(text)
            except ValidationException:
                continue  # what is no name is told with what is no parameter's
        gone = await self._writing.delete_many(call, list(names.values()))
        return {
            "DeletedParameters": gone,
            "InvalidParameters": [text for text in given["Names"] if text not in gone],
        }

    async def label_parameter_version(
        self, call: Call, given: ssm.LabelParameterVersionRequest
    ) -> ssm.LabelParameterVersionResult:
        number, invalid = await self._writing.label(
            call, plain_name(given["Name"]), given.get("ParameterVersion"), given["Labels"]
        )
        return {"InvalidLabels": invalid, "ParameterVersion": number}

    async def unlabel_parameter_version(
        self, call: Call, given: ssm.UnlabelParameterVersionRequest
    ) -> ssm.UnlabelParameterVersionResult:
        removed, invalid = await self._writing.unlabel(
            call, plain_name(given["Name"]), given["ParameterVersion"], given["Labels"]
        )
        return {"RemovedLabels": removed, "InvalidLabels": invalid}


def _spoken(filters: Sequence[ssm.ParameterStringFilter]) -> list[Spoken]:
    return [(each["Key"], each.get("Option", ""), each.get("Values")) for each in filters]


def _parameter(parameter: Parameter) -> ssm.Parameter:
    written: ssm.Parameter = {
        "Name": parameter.name,
        "Type": parameter.kind.value,
        "Value": parameter.value,
        "Version": parameter.number,
        "LastModifiedDate": parameter.modified,
        "ARN": parameter.arn,
        "DataType": parameter.data_type,
    }
    if parameter.selector:
        written["Selector"] = f":{parameter.selector}"
    if parameter.source is not None:
        written["SourceResult"] = parameter.source
    return written


def _described(told: Described) -> Mapping[str, Any]:
    return {"ARN": told.arn, **_metadata(told.version)}


def _remembered(version: Version) -> Mapping[str, Any]:
    return {"Value": version.value, "Labels": list(version.labels), **_metadata(version)}


def _metadata(version: Version) -> dict[str, Any]:
    terms = version.terms
    written: dict[str, Any] = {
        "Name": terms.name,
        "Type": terms.kind.value,
        "LastModifiedDate": version.modified,
        "LastModifiedUser": version.author,
        "Version": version.number,
        "Tier": terms.tier.value,
        "Policies": [_policy(policy) for policy in terms.policies],
        "DataType": terms.data_type,
    }
    optional = {
        "KeyId": terms.key_id,
        "Description": terms.description,
        "AllowedPattern": terms.pattern,
    }
    return written | {name: value for name, value in optional.items() if value}


def _policy(policy: Policy) -> Mapping[str, str]:
    return {
        "PolicyText": policy.text,
        "PolicyType": policy.type.value,
        "PolicyStatus": policy.status.value,
    }
