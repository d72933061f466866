"""Signatures: ours are botocore's, over any path, query, header and body."""

import contextlib
import datetime as dt
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from ostler.wire import sigv4
from ostler.wire.http import Request

HOST = "ssm.eu-central-1.example.org"
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = dt.datetime(2026, 3, 1, 12, 0, 5, tzinfo=dt.UTC)

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
segments = st.one_of(
    texts.map(lambda text: quote(text, safe="~")),
    st.sampled_from(["", ".", "..", "a", "%2F", "arn%3Aaws%3Assm", "~x", "a.b"]),
)
paths = st.lists(segments, max_size=5).map(lambda parts: "/" + "/".join(parts))
queries = st.lists(st.tuples(texts.filter(bool), texts), max_size=4).map(
    lambda pairs: "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
)
headers = st.dictionaries(
    st.from_regex(r"x-[a-z]{1,8}", fullmatch=True),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20),
    max_size=3,
)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE"])
bodies = st.binary(max_size=40)
tokens = st.sampled_from([None, "token/with+signs=="])


@pytest.fixture(autouse=True, scope="module")
def _botocore_at_noon():
    """botocore's signers read the clock by themselves."""
    import botocore.auth

    read, botocore.auth.get_current_datetime = botocore.auth.get_current_datetime, lambda: NOW
    yield
    botocore.auth.get_current_datetime = read


def signed_by_botocore(signer, service, request, token=None):
    """What botocore sends for `request`, as our server would see it."""
    url = f"https://{HOST}{request.path}" + (f"?{request.query}" if request.query else "")
    theirs = AWSRequest(
        method=request.method, url=url, data=request.body, headers=dict(request.headers)
    )
    signer(Credentials(ACCESS_KEY, SECRET, token), service, "eu-central-1").add_auth(theirs)
    parts = urlsplit(theirs.url)
    return Request(
        request.method,
        request.path,
        parts.query,
        {name.lower(): value for name, value in theirs.headers.items()},
        request.body,
    )


def expected_signature(request):
    claim = sigv4.claim_of(request)
    key = sigv4.signing_key(SECRET, claim.date, claim.region, claim.service)
    return claim, sigv4.signature(key, sigv4.string_to_sign(request, claim))


@given(methods, paths, queries, headers, bodies, tokens)
def test_botocores_signed_requests_are_accepted(method, path, query, extra, body, token):
    request = Request(method, path, query, {"host": HOST, **extra}, body)

    claim, ours = expected_signature(signed_by_botocore(SigV4Auth, "ssm", request, token))

    assert ours == claim.signature
    assert (ACCESS_KEY, "ssm", token) == (claim.access_key, claim.service, claim.session_token)
    assert NOW == claim.timestamp


@given(methods, paths, queries, headers, bodies)
def test_s3_signs_the_path_as_it_is(method, path, query, extra, body):
    request = Request(method, path, query, {"host": HOST, **extra}, body)

    claim, ours = expected_signature(signed_by_botocore(S3SigV4Auth, "s3", request))

    assert ours == claim.signature


@given(paths, st.sampled_from(["", "a=b&c=%20d", "x=%2F~", "empty="]), tokens)
def test_botocores_presigned_links_are_accepted(path, query, token):
    request = Request("GET", path, query, {"host": HOST})

    claim, ours = expected_signature(signed_by_botocore(SigV4QueryAuth, "ssm", request, token))

    assert ours == claim.signature
    assert (True, 3600, token) == (claim.presigned, claim.expires, claim.session_token)


@given(paths, bodies)
def test_presigned_links_to_s3_leave_the_body_unsigned(path, body):
    signed = signed_by_botocore(S3SigV4QueryAuth, "s3", Request("PUT", path, "", {"host": HOST}))
    with_body = Request("PUT", path, signed.query, signed.headers, body)

    claim, ours = expected_signature(with_body)

    assert ours == claim.signature


@given(methods, paths, queries, headers, bodies, tokens, st.sampled_from(["ssm", "s3"]))
def test_we_sign_as_botocore_does(method, path, query, extra, body, token, service):
    request = Request(method, path, query, {"host": HOST, **extra}, body)
    signer = {"ssm": SigV4Auth, "s3": S3SigV4Auth}[service]

    ours = sigv4.sign(
        request,
        access_key=ACCESS_KEY,
        secret=SECRET,
        session_token=token,
        region="eu-central-1",
        service=service,
        at=NOW,
    )

    assert signed_by_botocore(signer, service, request, token).headers == ours.headers


@given(paths, queries, bodies, tokens, st.sampled_from(["ssm", "s3"]))
def test_our_presigned_links_verify(path, query, body, token, service):
    link = sigv4.presign(
        Request("PUT", path, query, {"host": HOST}, body),
        access_key=ACCESS_KEY,
        secret=SECRET,
        session_token=token,
        region="eu-central-1",
        service=service,
        at=NOW,
        expires=60,
    )

    claim, ours = expected_signature(link)

    assert ours == claim.signature


def a_signed_request(**changes):
    request = Request("POST", "/", "", {"host": HOST, "x-amz-target": "AmazonSSM.X"}, b"{}")
    ready = sigv4.sign(
        request,
        access_key=ACCESS_KEY,
        secret=SECRET,
        region="eu-central-1",
        service="ssm",
        at=NOW,
    )
    given = {"method": ready.method, "path": ready.path, "query": ready.query, "body": ready.body}
    return Request(**{**given, "headers": dict(ready.headers), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"body": b"{ }"},
        {"path": "/x"},
        {"query": "a=b"},
        {"method": "GET"},
        {"headers": {**a_signed_request().headers, "x-amz-target": "AmazonSSM.Y"}},
        {"headers": {**a_signed_request().headers, "host": "elsewhere"}},
    ],
)
def test_whatever_is_changed_on_the_way_shows(changes):
    claim, ours = expected_signature(a_signed_request(**changes))

    assert not sigv4.same_signature(ours, claim.signature)


def test_a_stated_hash_of_the_body_is_not_believed():
    stated = "0" * 64
    request = sigv4.sign(
        Request("POST", "/", "", {"host": HOST, "x-amz-content-sha256": stated}, b"{}"),
        access_key=ACCESS_KEY,
        secret=SECRET,
        region="eu-central-1",
        service="ssm",
        at=NOW,
    )
    lying = sigv4.canonical_request(request, sigv4.claim_of(request))

    assert stated not in lying.splitlines()[-1]


def test_an_rsa_signature_survives_the_header():
    """Nodes write base64, with all its signs, where others write hexadecimal digits."""
    ready, claim = sigv4.unsigned(
        Request("POST", "/", "", {"host": HOST}, b"{}"),
        access_key="mi-0123456789abcdef0",
        region="eu-central-1",
        service="ssm",
        at=NOW,
        leave_out=["x-amz-content-sha256"],
    )

    request = sigv4.with_signature(ready, claim, "ab/cd+ef/gh==")

    assert "ab/cd+ef/gh==" == sigv4.claim_of(request).signature
    assert sigv4.string_to_sign(ready, claim) == sigv4.string_to_sign(
        request, sigv4.claim_of(request)
    )


def test_a_date_header_will_do():
    request = a_signed_request()
    headers = {**request.headers, "date": "Sun, 01 Mar 2026 12:00:05 GMT"}
    del headers["x-amz-date"]

    assert NOW == sigv4.claim_of(Request("POST", "/", "", headers)).timestamp


def test_a_request_without_signature_has_no_claim():
    with pytest.raises(sigv4.NoClaim):
        sigv4.claim_of(Request("POST", "/", "", {"host": HOST}))


SCOPE = "20260301/eu-central-1/ssm/aws4_request"


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        ("Basic YWxhZGRpbg==", "Unsupported AWS 'algorithm': 'Basic'"),
        ("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0", "requires 'Credential' parameter"),
        (f"AWS4-HMAC-SHA256 Credential=A/{SCOPE}, SignedHeaders=host", "requires 'Signature'"),
        (f"AWS4-HMAC-SHA256 Credential=A/{SCOPE}, Signature=0", "requires 'SignedHeaders'"),
        ("AWS4-HMAC-SHA256 Credential=A/B, SignedHeaders=host, Signature=0", "exactly 5 slash"),
        (
            f"AWS4-HMAC-SHA256 Credential=A/{SCOPE}, SignedHeaders=x-amz-date, Signature=0",
            "must be a 'SignedHeader'",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=A/20260302/eu-central-1/ssm/aws4_request, "
            "SignedHeaders=host, Signature=0",
            "'20260302' != '20260301', from '20260301T120005Z'",
        ),
    ],
)
def test_broken_headers_are_named(authorization, message):
    headers = {"host": HOST, "x-amz-date": "20260301T120005Z", "authorization": authorization}

    with pytest.raises(sigv4.BrokenClaim, match=message):
        sigv4.claim_of(Request("POST", "/", "", headers))


@pytest.mark.parametrize("date", ["", "yesterday", "20261301T120005Z", "20260301T250005Z", "0"])
def test_dates_that_are_none(date):
    headers = {**a_signed_request().headers, "x-amz-date": date}

    with pytest.raises(sigv4.BrokenClaim):
        sigv4.claim_of(Request("POST", "/", "", headers))


@pytest.mark.parametrize("expires", [None, "", "-1", "604801", "1e3", "9" * 400])
def test_lives_that_a_link_cannot_have(expires):
    given = "" if expires is None else f"&X-Amz-Expires={expires}"
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260301T120005Z&X-Amz-SignedHeaders=host"
        f"&X-Amz-Credential=A%2F{quote(SCOPE, safe='')}&X-Amz-Signature=0{given}"
    )

    with pytest.raises(sigv4.BrokenClaim, match="X-Amz-Expires"):
        sigv4.claim_of(Request("GET", "/", query, {"host": HOST}))


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=60))
def test_nothing_else_than_a_broken_claim_is_raised(authorization, date, query):
    headers = {"authorization": f"AWS4-HMAC-SHA256 {authorization}", "x-amz-date": date}
    for request in (
        Request("GET", "/", "", headers),
        Request("GET", "/", f"X-Amz-Signature=1&{query}", {}),
    ):
        with contextlib.suppress(sigv4.BrokenClaim):
            sigv4.string_to_sign(request, sigv4.claim_of(request))
