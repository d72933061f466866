"""The AWS API of documents: names of the wire to verbs and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from ostler.capabilities.documents.events import PackageConfigured
from ostler.capabilities.documents.model.contents import converted
from ostler.capabilities.documents.model.documents import (
    AttachmentSource,
    DeclaredParameter,
    DocumentDescription,
    DocumentOrder,
    DocumentVersion,
    Requirement,
    ReviewStatus,
    Selection,
)
from ostler.capabilities.documents.model.filters import wanted_of
from ostler.capabilities.documents.model.names import AMAZON
from ostler.capabilities.documents.model.reviews import Action, Review
from ostler.capabilities.documents.service.attachments import AttachmentLinks
from ostler.capabilities.documents.service.authoring import Authoring
from ostler.capabilities.documents.service.listing import Listed, Listing
from ostler.capabilities.documents.service.lookup import Documents, Portrait
from ostler.capabilities.documents.service.packages import Packages
from ostler.capabilities.documents.service.reviews import Reviews
from ostler.capabilities.documents.service.sharing import Sharing
from ostler.capabilities.tags import paired
from ostler.foundation.call import Call

if TYPE_CHECKING:
    from ostler.wire.shapes import ssm


class Operations:
    """The operations on documents."""

    service = "ssm"

    def __init__(
        self,
        documents: Documents,
        listing: Listing,
        authoring: Authoring,
        sharing: Sharing,
        reviews: Reviews,
        links: AttachmentLinks,
        packages: Packages,
    ) -> None:
        self._documents = documents
        self._listing = listing
        self._authoring = authoring
        self._sharing = sharing
        self._reviews = reviews
        self._links = links
        self._packages = packages

    async def create_document(
        self, call: Call, given: "ssm.CreateDocumentRequest"
    ) -> "ssm.CreateDocumentResult":
        order = _order(given)
        version = await self._authoring.create(call, order)
        return {"DocumentDescription": _described(call, Portrait(version, order.tags))}

    async def update_document(
        self, call: Call, given: "ssm.UpdateDocumentRequest"
    ) -> "ssm.UpdateDocumentResult":
        version = await self._authoring.update(call, _order(given), given.get("DocumentVersion"))
        return {"DocumentDescription": _described(call, Portrait(version, {}))}

    async def update_document_default_version(
        self, call: Call, given: "ssm.UpdateDocumentDefaultVersionRequest"
    ) -> "ssm.UpdateDocumentDefaultVersionResult":
        version = await self._authoring.set_default(call, given["Name"], given["DocumentVersion"])
        description = {
            "Name": version.name,
            "DefaultVersion": version.version,
            "DefaultVersionName": version.version_name,
        }
        return cast(
            "ssm.UpdateDocumentDefaultVersionResult", {"Description": _present(description)}
        )

    async def delete_document(
        self, call: Call, given: "ssm.DeleteDocumentRequest"
    ) -> "ssm.DeleteDocumentResult":
        await self._authoring.delete(call, given["Name"], _selection(given))
        return {}

    async def get_document(
        self, call: Call, given: "ssm.GetDocumentRequest"
    ) -> "ssm.GetDocumentResult":
        version = await self._documents.get(call, given["Name"], _selection(given))
        notation = given.get("DocumentFormat", "JSON")
        answer = {
            **_named(call, version),
            "StatusInformation": version.status_information or None,
            "Content": converted(version.content, version.format, notation),
            "DocumentType": version.type,
            "DocumentFormat": notation,
            "Requires": _requires(version.requires),
            "AttachmentsContent": self._attachments(call, version),
        }
        return cast("ssm.GetDocumentResult", _present(answer))

    async def describe_document(
        self, call: Call, given: "ssm.DescribeDocumentRequest"
    ) -> "ssm.DescribeDocumentResult":
        portrait = await self._documents.describe(call, given["Name"], _selection(given))
        return {"Document": _described(call, portrait)}

    async def list_document_versions(
        self, call: Call, given: "ssm.ListDocumentVersionsRequest"
    ) -> "ssm.ListDocumentVersionsResult":
        asked = call.page_request(given, default=10, most=50)
        page = await self._documents.versions(call, given["Name"], asked)
        answer = call.paged("DocumentVersions", page, lambda version: _version(call, version))
        return cast("ssm.ListDocumentVersionsResult", answer)

    async def list_documents(
        self, call: Call, given: "ssm.ListDocumentsRequest"
    ) -> "ssm.ListDocumentsResult":
        wanted = wanted_of([*given.get("DocumentFilterList", []), *given.get("Filters", [])])
        asked = call.page_request(given, default=10, most=50)
        page = await self._listing.list(call, wanted, asked)
        answer = call.paged("DocumentIdentifiers", page, lambda listed: _listed(call, listed))
        return cast("ssm.ListDocumentsResult", answer)

    async def get_manifest(
        self, call: Call, given: "ssm.GetManifestRequest"
    ) -> "ssm.GetManifestResult":
        return {"Manifest": await self._packages.manifest(call, given["PackageName"])}

    async def put_configure_package_result(
        self, call: Call, given: "ssm.PutConfigurePackageResultRequest"
    ) -> "ssm.PutConfigurePackageResultResult":
        configured = PackageConfigured(
            node=call.caller.node or "",
            package=given["PackageName"],
            version=given["PackageVersion"],
            previous_version=given.get("PreviousPackageVersion", ""),
            operation=given["Operation"],
            result=given["Result"],
        )
        await self._packages.told(call, configured)
        return {}

    async def modify_document_permission(
        self, call: Call, given: "ssm.ModifyDocumentPermissionRequest"
    ) -> "ssm.ModifyDocumentPermissionResponse":
        await self._sharing.change(
            call,
            given["Name"],
            given.get("AccountIdsToAdd", []),
            given.get("AccountIdsToRemove", []),
            given.get("SharedDocumentVersion"),
        )
        return {}

    async def describe_document_permission(
        self, call: Call, given: "ssm.DescribeDocumentPermissionRequest"
    ) -> "ssm.DescribeDocumentPermissionResponse":
        asked = call.page_request(given, default=200, most=200)
        page = await self._sharing.list(call, given["Name"], asked)
        answer = call.paged(
            "AccountSharingInfoList",
            page,
            lambda share: {"AccountId": share.account, "SharedDocumentVersion": share.version},
        )
        answer["AccountIds"] = [share.account for share in page.items]
        return cast("ssm.DescribeDocumentPermissionResponse", answer)

    async def update_document_metadata(
        self, call: Call, given: "ssm.UpdateDocumentMetadataRequest"
    ) -> "ssm.UpdateDocumentMetadataResponse":
        asked = given["DocumentReviews"]
        comments = asked.get("Comment") or [{}]
        await self._reviews.respond(
            call,
            given["Name"],
            given.get("DocumentVersion"),
            Action(asked["Action"]),
            comments[0].get("Content"),
        )
        return {}

    async def list_document_metadata_history(
        self, call: Call, given: "ssm.ListDocumentMetadataHistoryRequest"
    ) -> "ssm.ListDocumentMetadataHistoryResponse":
        asked = call.page_request(given, default=10, most=50)
        history = await self._reviews.history(
            call, given["Name"], given.get("DocumentVersion"), asked
        )
        responses = call.paged("ReviewerResponse", history.responses, _response)
        answer = {
            "Name": history.version.name,
            "DocumentVersion": history.version.version,
            "Author": history.version.author,
            "Metadata": {"ReviewerResponse": responses["ReviewerResponse"]},
            "NextToken": responses.get("NextToken"),
        }
        return cast("ssm.ListDocumentMetadataHistoryResponse", _present(answer))

    def _attachments(self, call: Call, version: DocumentVersion) -> list[dict[str, Any]] | None:
        return [
            _present(
                {
                    "Name": attachment.name,
                    "Size": attachment.size,
                    "Hash": attachment.sha256,
                    "HashType": "Sha256",
                    "Url": self._links.link(call, attachment.key, attachment.name) or None,
                }
            )
            for attachment in version.attachments
        ] or None


def _order(given: Any) -> DocumentOrder:
    return DocumentOrder(
        name=given["Name"],
        content=given["Content"],
        type=given.get("DocumentType", "Command"),
        format=given.get("DocumentFormat", "JSON"),
        version_name=given.get("VersionName"),
        display_name=given.get("DisplayName"),
        target_type=given.get("TargetType"),
        requires=[
            Requirement(
                each["Name"],
                each.get("Version"),
                each.get("RequireType"),
                each.get("VersionName"),
            )
            for each in given.get("Requires", [])
        ],
        attachments=[
            AttachmentSource(each["Key"], value, each.get("Name"))
            for each in given.get("Attachments", [])
            for value in each["Values"]
        ],
        tags=paired((tag["Key"], tag["Value"]) for tag in given.get("Tags", [])),
    )


def _selection(given: Any) -> Selection:
    return Selection(given.get("DocumentVersion"), given.get("VersionName"))


def _version(call: Call, version: DocumentDescription) -> dict[str, Any]:
    return _present(
        {
            **_named(call, version),
            "IsDefaultVersion": version.is_default,
            "DocumentFormat": version.format,
            "StatusInformation": version.status_information or None,
        }
    )


def _described(call: Call, portrait: Portrait) -> "ssm.DocumentDescription":
    version = portrait.description
    answer = _present(
        {
            **_named(call, version),
            "Hash": version.hash,
            "HashType": "Sha256",
            "Owner": version.owner,
            "StatusInformation": version.status_information or None,
            "Description": version.description,
            "Parameters": [_parameter(each) for each in version.parameters] or None,
            "PlatformTypes": list(version.platform_types),
            "DocumentType": version.type,
            "SchemaVersion": version.schema_version,
            "LatestVersion": version.latest_version,
            "DefaultVersion": version.default_version,
            "DocumentFormat": version.format,
            "TargetType": version.target_type,
            "Tags": _tags(portrait.tags),
            "AttachmentsInformation": [{"Name": each.name} for each in version.attachments] or None,
            "Requires": _requires(version.requires),
            "Author": version.author,
            "ReviewInformation": [_review(each) for each in portrait.reviews] or None,
            "ApprovedVersion": _number(portrait.approved),
            "PendingReviewVersion": _number(portrait.pending),
        }
    )
    return cast("ssm.DocumentDescription", answer)


def _listed(call: Call, listed: Listed) -> dict[str, Any]:
    version = listed.description
    identifier = {
        **_named(call, version),
        "Owner": version.owner,
        "PlatformTypes": list(version.platform_types),
        "DocumentType": version.type,
        "SchemaVersion": version.schema_version,
        "DocumentFormat": version.format,
        "TargetType": version.target_type,
        "Tags": _tags(listed.tags),
        "Requires": _requires(version.requires),
        "Author": version.author,
    }
    return _present(identifier)


def _named(call: Call, version: DocumentDescription) -> dict[str, Any]:
    """What every answer about a version says of it; others' documents go by their ARN."""
    is_own = version.owner in (call.account, AMAZON)
    is_reviewed = version.review_status is not ReviewStatus.NOT_REVIEWED
    return {
        "Name": version.name if is_own else version.arn,
        "CreatedDate": version.created,
        "DisplayName": version.display_name,
        "VersionName": version.version_name,
        "DocumentVersion": version.version,
        "Status": version.status,
        "ReviewStatus": version.review_status if is_reviewed else None,
    }


def _parameter(parameter: DeclaredParameter) -> dict[str, Any]:
    return _present(
        {
            "Name": parameter.name,
            "Type": parameter.kind,
            "Description": parameter.description,
            "DefaultValue": parameter.default,
        }
    )


def _requires(requires: Sequence[Requirement]) -> list[dict[str, Any]] | None:
    return [
        _present(
            {
                "Name": each.name,
                "Version": each.version,
                "RequireType": each.require_type,
                "VersionName": each.version_name,
            }
        )
        for each in requires
    ] or None


def _tags(tags: Any) -> list[dict[str, str]]:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]


def _review(review: Review) -> dict[str, Any]:
    return {
        "ReviewedTime": review.updated,
        "Status": review.status,
        "Reviewer": review.reviewer[:50],
    }


def _response(review: Review) -> dict[str, Any]:
    comment = [{"Type": "Comment", "Content": review.comment}] if review.comment else []
    return {
        "CreateTime": review.created,
        "UpdatedTime": review.updated,
        "ReviewStatus": review.status,
        "Comment": comment,
        "Reviewer": review.reviewer[:50],
    }


def _number(version: int | None) -> str | None:
    return None if version is None else str(version)


def _present(members: dict[str, Any]) -> dict[str, Any]:
    """Only the members that there are."""
    return {name: value for name, value in members.items() if value is not None}
