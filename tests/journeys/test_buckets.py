"""Buckets, driven by boto3 and the aws CLI, on each engine."""

import base64
import hashlib
import io
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from ostler.wire import sigv4
from ostler.wire.chunks import ChunkSignatures
from ostler.wire.http import Request
from tests.support.aws_cli import AwsCli
from tests.support.processes import ServerProcess

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def s3(server: ServerProcess) -> Any:
    return server.client("s3")


@pytest.fixture(scope="module")
def pail(s3: Any) -> str:
    """A bucket that all tests here share, each with keys of its own."""
    s3.create_bucket(Bucket="pail")
    return "pail"


@pytest.fixture
def fresh(s3: Any, request: pytest.FixtureRequest) -> str:
    """A bucket for one test alone."""
    name = f"fresh-{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def refused(code: str, status: int, ask: Any, **given: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        ask(**given)
    answer: dict[str, Any] = caught.value.response
    seen = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
    assert (code, status) == seen
    return answer


# Buckets.


def test_a_bucket_is_where_it_was_made(server: ServerProcess, s3: Any) -> None:
    s3.create_bucket(
        Bucket="abroad", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )

    assert "eu-central-1" == s3.head_bucket(Bucket="abroad")["BucketRegion"]
    assert "eu-central-1" == s3.get_bucket_location(Bucket="abroad")["LocationConstraint"]
    listed = s3.list_buckets(Prefix="abr")["Buckets"]
    assert [("abroad", "eu-central-1")] == [(each["Name"], each["BucketRegion"]) for each in listed]
    # Whatever region a client signs for, it is served.
    elsewhere = server.client("s3", region_name="ap-south-1")
    elsewhere.put_object(Bucket="abroad", Key="key", Body=b"x")
    assert b"x" == s3.get_object(Bucket="abroad", Key="key")["Body"].read()


def test_the_first_region_has_no_name(s3: Any, pail: str) -> None:
    assert None is s3.get_bucket_location(Bucket=pail)["LocationConstraint"]


def test_a_name_is_taken_once(server: ServerProcess, s3: Any, pail: str, guest: Any) -> None:
    refused("BucketAlreadyOwnedByYou", 409, s3.create_bucket, Bucket=pail)
    stranger = server.client_of(guest, service="s3")
    refused("BucketAlreadyExists", 409, stranger.create_bucket, Bucket=pail)
    refused("AccessDenied", 403, stranger.list_objects_v2, Bucket=pail)
    refused("403", 403, stranger.head_bucket, Bucket=pail)


def test_only_an_empty_bucket_goes(s3: Any, fresh: str) -> None:
    s3.put_object(Bucket=fresh, Key="key")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket=fresh)
    s3.delete_object(Bucket=fresh, Key="key")
    s3.delete_bucket(Bucket=fresh)

    refused("404", 404, s3.head_bucket, Bucket=fresh)
    refused("NoSuchBucket", 404, s3.list_objects, Bucket=fresh)


def test_what_clients_read_of_a_bucket_s_settings(s3: Any, pail: str) -> None:
    """Terraform and the stock agent look at all of this, and go by the code."""
    assert "Status" not in s3.get_bucket_versioning(Bucket=pail)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=pail)
    assert "FULL_CONTROL" == s3.get_bucket_acl(Bucket=pail)["Grants"][0]["Permission"]
    for code, ask in {
        "NoSuchBucketPolicy": s3.get_bucket_policy,
        "NoSuchCORSConfiguration": s3.get_bucket_cors,
        "NoSuchLifecycleConfiguration": s3.get_bucket_lifecycle_configuration,
        "NoSuchTagSet": s3.get_bucket_tagging,
        "NoSuchWebsiteConfiguration": s3.get_bucket_website,
        "ObjectLockConfigurationNotFoundError": s3.get_object_lock_configuration,
        "ReplicationConfigurationNotFoundError": s3.get_bucket_replication,
        "ServerSideEncryptionConfigurationNotFoundError": s3.get_bucket_encryption,
    }.items():
        refused(code, 404, ask, Bucket=pail)


def test_tags_of_a_bucket(s3: Any, fresh: str) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.put_bucket_tagging(Bucket=fresh, Tagging={"TagSet": tags})
    assert tags == s3.get_bucket_tagging(Bucket=fresh)["TagSet"]

    s3.delete_bucket_tagging(Bucket=fresh)
    refused("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=fresh)


def test_what_is_not_built_says_so(s3: Any, pail: str) -> None:
    versions = {"Status": "Enabled"}
    refused(
        "NotImplemented",
        501,
        s3.put_bucket_versioning,
        Bucket=pail,
        VersioningConfiguration=versions,
    )
    refused(
        "AccessControlListNotSupported",
        400,
        s3.put_object,
        Bucket=pail,
        Key="public",
        ACL="public-read",
    )


# Objects.


def test_an_object_comes_back_as_it_was_put(s3: Any, pail: str) -> None:
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    s3.put_object(
        Bucket=pail,
        Key="folder/ä b+c?.txt",
        Body=b"hello",
        ContentType="text/plain",
        CacheControl="no-cache",
        ContentEncoding="gzip",
        Expires=expires,
        Metadata={"colour": "red"},
        Tagging="a=1&b=2",
    )

    found = s3.get_object(Bucket=pail, Key="folder/ä b+c?.txt")

    assert b"hello" == found["Body"].read()
    expected = ("text/plain", "no-cache", "gzip", {"colour": "red"}, 2, 5)
    assert expected == tuple(
        found[name]
        for name in (
            *("ContentType", "CacheControl", "ContentEncoding", "Metadata"),
            *("TagCount", "ContentLength"),
        )
    )
    assert expires == found["Expires"]
    assert f'"{hashlib.md5(b"hello").hexdigest()}"' == found["ETag"]
    head = s3.head_object(Bucket=pail, Key="folder/ä b+c?.txt")
    assert (found["ETag"], 5) == (head["ETag"], head["ContentLength"])


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_travel_both_ways(s3: Any, pail: str, algorithm: str) -> None:
    key = f"sums/{algorithm}"
    s3.put_object(Bucket=pail, Key=key, Body=b"hello", ChecksumAlgorithm=algorithm)

    found = s3.get_object(Bucket=pail, Key=key, ChecksumMode="ENABLED")

    assert found[f"Checksum{algorithm}"]
    assert b"hello" == found["Body"].read()  # boto3 compares


@pytest.mark.parametrize("algorithm", ["CRC32C", "CRC64NVME"])
def test_checksums_of_other_clients_are_compared(s3: Any, pail: str, algorithm: str) -> None:
    good = {"CRC32C": "mnG7TA==", "CRC64NVME": "M3eFcAZSQlc="}[algorithm]
    given = {"Bucket": pail, "Key": "other", "Body": b"hello"}
    s3.put_object(**given, **{f"Checksum{algorithm}": good})

    wrong = base64.b64encode(bytes(len(base64.b64decode(good)))).decode()
    refused("BadDigest", 400, s3.put_object, **given, **{f"Checksum{algorithm}": wrong})
    refused("InvalidRequest", 400, s3.put_object, **given, **{f"Checksum{algorithm}": "x"})


def test_content_of_another_digest_is_refused(s3: Any, pail: str) -> None:
    wrong = base64.b64encode(bytes(16)).decode()
    refused("BadDigest", 400, s3.put_object, Bucket=pail, Key="k", Body=b"a", ContentMD5=wrong)
    refused("InvalidDigest", 400, s3.put_object, Bucket=pail, Key="k", Body=b"a", ContentMD5="!")


@pytest.mark.parametrize(
    ("asked", "content", "told"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=0-99", b"0123456789", None),
        ("nonsense", b"0123456789", None),
    ],
)
def test_ranges(s3: Any, pail: str, asked: str, content: bytes, told: str | None) -> None:
    s3.put_object(Bucket=pail, Key="digits", Body=b"0123456789")

    found = s3.get_object(Bucket=pail, Key="digits", Range=asked)

    assert (content, told) == (found["Body"].read(), found.get("ContentRange"))
    status = found["ResponseMetadata"]["HTTPStatusCode"]
    assert (206 if told else 200) == status


def test_a_range_of_nothing(s3: Any, pail: str) -> None:
    s3.put_object(Bucket=pail, Key="digits", Body=b"0123456789")
    refused("InvalidRange", 416, s3.get_object, Bucket=pail, Key="digits", Range="bytes=10-")


def test_conditions_of_reading(s3: Any, pail: str) -> None:
    etag = s3.put_object(Bucket=pail, Key="conditional", Body=b"x")["ETag"]
    named = {"Bucket": pail, "Key": "conditional"}
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)

    assert s3.get_object(**named, IfMatch=etag)
    refused("304", 304, s3.get_object, **named, IfNoneMatch=etag)
    refused("PreconditionFailed", 412, s3.get_object, **named, IfMatch='"other"')
    refused("PreconditionFailed", 412, s3.get_object, **named, IfUnmodifiedSince=long_ago)
    refused("304", 304, s3.head_object, **named, IfModifiedSince=datetime(2099, 1, 1, tzinfo=UTC))


def test_compare_and_set(s3: Any, pail: str) -> None:
    named = {"Bucket": pail, "Key": "lock"}
    first = s3.put_object(**named, Body=b"1", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", 412, s3.put_object, **named, Body=b"2", IfNoneMatch="*")
    second = s3.put_object(**named, Body=b"2", IfMatch=first)["ETag"]
    refused("PreconditionFailed", 412, s3.put_object, **named, Body=b"3", IfMatch=first)
    refused("PreconditionFailed", 412, s3.delete_object, **named, IfMatch=first)
    s3.delete_object(**named, IfMatch=second)


def test_what_is_not_there(s3: Any, pail: str) -> None:
    answer = refused("NoSuchKey", 404, s3.get_object, Bucket=pail, Key="nothing")
    assert "nothing" == answer["Error"]["Key"]
    refused("404", 404, s3.head_object, Bucket=pail, Key="nothing")
    s3.delete_object(Bucket=pail, Key="nothing")
    refused("NoSuchBucket", 404, s3.put_object, Bucket="no-such-bucket", Key="k", Body=b"")


def test_what_cannot_be(s3: Any, pail: str) -> None:
    refused("KeyTooLongError", 400, s3.put_object, Bucket=pail, Key="k" * 1025, Body=b"")
    refused(
        "MetadataTooLarge",
        400,
        s3.put_object,
        Bucket=pail,
        Key="k",
        Body=b"",
        Metadata={"a": "b" * 2048},
    )
    refused("InvalidTag", 400, s3.put_object, Bucket=pail, Key="k", Body=b"", Tagging="aws:a=b")


def test_copies(s3: Any, pail: str) -> None:
    s3.put_object(Bucket=pail, Key="ä source", Body=b"abc", Metadata={"a": "1"}, Tagging="t=1")

    s3.copy_object(Bucket=pail, Key="copied", CopySource={"Bucket": pail, "Key": "ä source"})
    s3.copy_object(
        Bucket=pail,
        Key="renamed",
        CopySource=f"{pail}/copied",
        MetadataDirective="REPLACE",
        Metadata={"b": "2"},
    )

    copied = s3.get_object(Bucket=pail, Key="copied")
    assert (b"abc", {"a": "1"}, 1) == (
        copied["Body"].read(),
        copied["Metadata"],
        copied["TagCount"],
    )
    assert {"b": "2"} == s3.head_object(Bucket=pail, Key="renamed")["Metadata"]
    refused(
        "InvalidRequest",
        400,
        s3.copy_object,
        Bucket=pail,
        Key="copied",
        CopySource=f"{pail}/copied",
    )


def test_tags_of_an_object(s3: Any, pail: str) -> None:
    named = {"Bucket": pail, "Key": "tagged"}
    s3.put_object(**named, Body=b"")
    s3.put_object_tagging(**named, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    assert [{"Key": "a", "Value": "1"}] == s3.get_object_tagging(**named)["TagSet"]
    s3.delete_object_tagging(**named)
    assert [] == s3.get_object_tagging(**named)["TagSet"]


def test_many_are_deleted_at_once(s3: Any, fresh: str) -> None:
    for number in range(3):
        s3.put_object(Bucket=fresh, Key=f"k{number}", Body=b"")
    named = [{"Key": "k0"}, {"Key": "k1"}, {"Key": "never was"}]

    deleted = s3.delete_objects(Bucket=fresh, Delete={"Objects": named})["Deleted"]

    assert named == deleted
    assert ["k2"] == [each["Key"] for each in s3.list_objects_v2(Bucket=fresh)["Contents"]]


# Lists.


def test_lists_in_pages_and_by_folder(s3: Any, fresh: str) -> None:
    keys = ["a/1", "a/2", "b", "c/x/1", "ä%2F+ b"]
    for key in keys:
        s3.put_object(Bucket=fresh, Key=key, Body=b"x")

    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=fresh, PaginationConfig={"PageSize": 2}
    )
    assert keys == [each["Key"] for page in pages for each in page["Contents"]]
    top = s3.list_objects_v2(Bucket=fresh, Delimiter="/")
    assert ["b", "ä%2F+ b"] == [each["Key"] for each in top["Contents"]]
    assert ["a/", "c/"] == [each["Prefix"] for each in top["CommonPrefixes"]]
    older = s3.get_paginator("list_objects").paginate(
        Bucket=fresh, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    shown = [
        each.get("Key", each.get("Prefix"))
        for page in older
        for each in page.get("Contents", []) + page.get("CommonPrefixes", [])
    ]
    assert ["a/", "b", "c/", "ä%2F+ b"] == shown
    versions = s3.list_object_versions(Bucket=fresh, Prefix="a/")["Versions"]
    assert [("a/1", "null"), ("a/2", "null")] == [
        (each["Key"], each["VersionId"]) for each in versions
    ]
    assert ["c/x/1"] == [
        each["Key"]
        for each in s3.list_objects_v2(Bucket=fresh, StartAfter="b", Prefix="c")["Contents"]
    ]


def test_a_token_of_another_list_is_refused(s3: Any, fresh: str) -> None:
    for key in ("a", "b"):
        s3.put_object(Bucket=fresh, Key=key, Body=b"")
    token = s3.list_objects_v2(Bucket=fresh, MaxKeys=1)["NextContinuationToken"]
    refused(
        "InvalidArgument",
        400,
        s3.list_objects_v2,
        Bucket=fresh,
        Prefix="other",
        ContinuationToken=token,
    )


# Uploads in parts.


def test_an_upload_in_parts(s3: Any, pail: str) -> None:
    named = {"Bucket": pail, "Key": "in parts"}
    parts = [os.urandom(5 * MEBIBYTE), b"the rest"]
    upload = s3.create_multipart_upload(**named, ContentType="x/y")["UploadId"]
    asked = {**named, "UploadId": upload}
    told = [
        s3.upload_part(**asked, PartNumber=number, Body=part)
        for number, part in enumerate(parts, 1)
    ]
    assert [upload] == [
        each["UploadId"] for each in s3.list_multipart_uploads(Bucket=pail)["Uploads"]
    ]
    listed = s3.list_parts(**asked, MaxParts=1)
    assert ([5 * MEBIBYTE], True) == (
        [each["Size"] for each in listed["Parts"]],
        listed["IsTruncated"],
    )
    chosen = [{"PartNumber": n, "ETag": each["ETag"]} for n, each in enumerate(told, 1)]

    done = s3.complete_multipart_upload(**asked, MultipartUpload={"Parts": chosen})

    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    assert f'"{hashlib.md5(digests).hexdigest()}-2"' == done["ETag"]
    whole = b"".join(parts)
    assert whole == s3.get_object(**named)["Body"].read()
    across = s3.get_object(**named, Range=f"bytes={5 * MEBIBYTE - 2}-{5 * MEBIBYTE + 2}")
    assert whole[5 * MEBIBYTE - 2 : 5 * MEBIBYTE + 3] == across["Body"].read()
    second = s3.get_object(**named, PartNumber=2)
    assert (b"the rest", 2) == (second["Body"].read(), second["PartsCount"])
    refused("NoSuchUpload", 404, s3.list_parts, **asked)


def test_an_upload_that_is_given_up(s3: Any, pail: str) -> None:
    named = {"Bucket": pail, "Key": "given up"}
    upload = s3.create_multipart_upload(**named)["UploadId"]
    s3.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**named, UploadId=upload)

    refused("NoSuchUpload", 404, s3.abort_multipart_upload, **named, UploadId=upload)
    refused("NoSuchKey", 404, s3.get_object, **named)


def test_files_go_up_and_down_in_parts_by_themselves(s3: Any, pail: str) -> None:
    content = os.urandom(17 * MEBIBYTE)
    s3.upload_fileobj(io.BytesIO(content), pail, "large")
    s3.copy({"Bucket": pail, "Key": "large"}, pail, "large copy")
    found = io.BytesIO()
    s3.download_fileobj(pail, "large copy", found)

    assert content == found.getvalue()


# The wire.


def test_streams_of_unknown_bytes_are_chunked(server: ServerProcess, s3: Any, pail: str) -> None:
    """Over TLS boto3 sends chunks with the checksum behind them; without, the hash of the whole."""
    s3.put_object(Bucket=pail, Key="stream", Body=io.BytesIO(b"hello"))
    assert b"hello" == s3.get_object(Bucket=pail, Key="stream")["Body"].read()
    signed = server.client("s3", config=Config(s3={"payload_signing_enabled": True}))
    signed.put_object(Bucket=pail, Key="stream", Body=io.BytesIO(b"signed"))
    assert b"signed" == s3.get_object(Bucket=pail, Key="stream")["Body"].read()


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_links(server: ServerProcess, pail: str, version: str) -> None:
    """boto3 makes links of the older kind unless it is told otherwise."""
    s3 = server.client("s3", config=Config(signature_version=version))
    named = {"Bucket": pail, "Key": f"by link/{version} ä"}
    put = s3.generate_presigned_url("put_object", Params=named)
    get = s3.generate_presigned_url(
        "get_object", Params={**named, "ResponseContentDisposition": "attachment; filename=a"}
    )

    assert 200 == by_link(server, put, "PUT", b"through a link")[0]
    status, content, headers = by_link(server, get)
    assert (200, b"through a link") == (status, content)
    assert "attachment; filename=a" == headers["content-disposition"]
    assert 403 == by_link(server, get.replace("link/s3", "link/S3"))[0]
    assert 403 == by_link(server, get, "PUT", b"changed")[0]


def test_a_link_to_put_is_none_to_copy(server: ServerProcess, s3: Any, pail: str) -> None:
    s3.put_object(Bucket=pail, Key="secret", Body=b"secret")
    for version in ("s3", "s3v4"):
        link = server.client("s3", config=Config(signature_version=version)).generate_presigned_url(
            "put_object", Params={"Bucket": pail, "Key": "mine"}
        )
        status, _, _ = by_link(server, link, "PUT", b"", {"x-amz-copy-source": f"{pail}/secret"})
        assert 403 == status


def test_buckets_in_the_host_s_name(server: ServerProcess, s3: Any, pail: str) -> None:
    """As SDKs call by a name instead of an address; the name need not be known to anybody here."""
    s3.put_object(Bucket=pail, Key="by host", Body=b"found")
    for host in (f"{pail}.s3.us-east-1.ostler.internal", f"{pail}.s3.ostler.internal"):
        status, content = signed_get(server, host, "/by%20host")
        assert (200, b"found") == (status, content)
    status, content = signed_get(server, "s3.us-east-1.ostler.internal", f"/{pail}/by%20host")
    assert (200, b"found") == (status, content)


def test_signed_chunks_are_checked(server: ServerProcess, pail: str, s3: Any) -> None:
    assert b"HTTP/1.1 200" in put_in_signed_chunks(server, pail, b"hello", b"hello")
    assert b"hello" == s3.get_object(Bucket=pail, Key="chunks")["Body"].read()
    assert b"SignatureDoesNotMatch" in put_in_signed_chunks(server, pail, b"hello", b"hellO")
    assert b"hello" == s3.get_object(Bucket=pail, Key="chunks")["Body"].read()


def test_who_is_refused_need_not_send_the_content(server: ServerProcess) -> None:
    """`Expect: 100-continue`: the refusal comes instead of the word to go on."""
    answer = put_in_signed_chunks(server, "no-such-bucket", b"hello", None)
    assert b"HTTP/1.1 404" in answer
    assert b"100 Continue" not in answer
    assert b"connection: close" in answer


# The aws CLI.


@pytest.fixture(scope="module")
def aws(server: ServerProcess) -> Iterator[AwsCli]:
    with AwsCli(server) as cli:
        yield cli


def run(aws: AwsCli, *words: str) -> str:
    done = aws.run(*words)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_the_aws_cli_goes_through_a_life_of_files(aws: AwsCli, tmp_path: Path) -> None:
    folder = tmp_path / "up"
    (folder / "deep").mkdir(parents=True)
    (folder / "one.txt").write_text("one")
    (folder / "deep" / "two ä.txt").write_text("two")
    (folder / "large").write_bytes(os.urandom(9 * MEBIBYTE))

    run(aws, "s3", "mb", "s3://cli-bucket")
    run(aws, "s3", "cp", str(folder / "one.txt"), "s3://cli-bucket/single.txt")
    run(aws, "s3", "sync", str(folder), "s3://cli-bucket/all/")
    assert "single.txt" in run(aws, "s3", "ls", "s3://cli-bucket/")
    assert "all/deep/two ä.txt" in run(aws, "s3", "ls", "s3://cli-bucket", "--recursive")
    assert "" == run(aws, "s3", "sync", str(folder), "s3://cli-bucket/all/")
    assert "one" == run(aws, "s3", "cp", "s3://cli-bucket/single.txt", "-")
    run(aws, "s3", "sync", "s3://cli-bucket/all/", str(tmp_path / "down"))
    assert (folder / "large").read_bytes() == (tmp_path / "down" / "large").read_bytes()
    run(aws, "s3", "mv", "s3://cli-bucket/all/large", "s3://cli-bucket/moved")
    run(aws, "s3", "rm", "s3://cli-bucket/single.txt")
    assert "moved" in run(aws, "s3api", "list-objects-v2", "--bucket", "cli-bucket")
    run(aws, "s3", "rb", "s3://cli-bucket", "--force")
    assert 0 != aws.run("s3", "ls", "s3://cli-bucket").returncode


# Helpers: what no client of ours would send.


def by_link(
    server: ServerProcess,
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes, Any]:
    context = ssl.create_default_context(cafile=server.environment["AWS_CA_BUNDLE"])
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    if body is not None:
        request.add_unredirected_header("Content-type", "")
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as fault:
        return fault.code, fault.read(), fault.headers


def keys(server: ServerProcess) -> tuple[str, str]:
    told = server.environment
    return told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"]


def signed_get(server: ServerProcess, host: str, path: str) -> tuple[int, bytes]:
    """A request that names another host than the one it is sent to."""
    request = AWSRequest("GET", f"https://{host}{path}", headers={"Host": host})
    S3SigV4Auth(Credentials(*keys(server)), "s3", "us-east-1").add_auth(request)
    url = f"https://127.0.0.1:{server.port}{path}"
    status, content, _ = by_link(server, url, headers=dict(request.headers))
    return status, content


def put_in_signed_chunks(
    server: ServerProcess, bucket: str, signed: bytes, sent: bytes | None
) -> bytes:
    """Put `sent` in a chunk that was signed as `signed`; None sends no body at all."""
    access_key, secret = keys(server)
    host = f"127.0.0.1:{server.port}"
    headers = {
        "host": host,
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": str(len(signed)),
    }
    now = datetime.now(UTC)  # noqa: TID251 - a real client has a real clock
    ready, claim = sigv4.unsigned(
        Request("PUT", f"/{bucket}/chunks", "", headers),
        access_key=access_key,
        region="us-east-1",
        service="s3",
        at=now - timedelta(seconds=1),
    )
    key = sigv4.signing_key(secret, claim.date, "us-east-1", "s3")
    proof = sigv4.signature(key, sigv4.string_to_sign(ready, claim))
    ready = sigv4.with_signature(ready, claim, proof)
    chain = ChunkSignatures(claim._replace(signature=proof), key)
    first = chain.next_chunk(hashlib.sha256(signed).hexdigest())
    last = chain.next_chunk(hashlib.sha256(b"").hexdigest())
    body = (
        f"{len(signed):x};chunk-signature={first}\r\n".encode()
        + (sent or b"")
        + f"\r\n0;chunk-signature={last}\r\n\r\n".encode()
    )
    more = {
        "content-length": str(len(body)),
        **({"expect": "100-continue"} if sent is None else {}),
    }
    lines = [f"{name}: {text}" for name, text in {**ready.headers, **more}.items()]
    head = "\r\n".join([f"PUT {ready.path} HTTP/1.1", *lines, "", ""]).encode()
    parts = urlsplit(server.environment["AWS_ENDPOINT_URL"])
    context = ssl.create_default_context(cafile=server.environment["AWS_CA_BUNDLE"])
    with (
        socket.create_connection((parts.hostname, parts.port), 10) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as connection,
    ):
        connection.sendall(head + (b"" if sent is None else body))
        answer = b""
        while b"\r\n\r\n" not in answer or (b" 403 " in answer and b"</Error>" not in answer):
            answer += connection.recv(65536)
        return answer
