"""Channels: opened as the stock agent opens them."""

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.wire.agent import channels, jobs
from ostler.wire.agent.channels import OpenControlChannel, TokenRequest
from ostler.wire.agent.jobs import BrokenMessage

printable = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)


def test_the_first_message_is_written_as_the_stock_agent_does():
    opening = OpenControlChannel("token", "id", "3.3.0.0", "linux")
    assert {
        "Cookie": None,
        "MessageSchemaVersion": "1.0",
        "RequestId": "id",
        "TokenValue": "token",
        "AgentVersion": "3.3.0.0",
        "PlatformType": "linux",
    } == json.loads(jobs.encode(opening))


def test_a_token_is_asked_for_as_the_stock_agent_does():
    assert {"MessageSchemaVersion": "1.0", "RequestId": "id"} == json.loads(
        jobs.encode(TokenRequest("id"))
    )


@given(printable)
def test_a_granted_token_is_read_back(token):
    body = channels.token_answer(token)
    assert token == channels.read_token_answer(body)
    assert [("MessageSchemaVersion", "1.0"), ("TokenValue", token)] == [
        (child.tag, child.text) for child in ElementTree.fromstring(body)
    ]


@given(st.binary())
def test_an_answer_without_token_is_broken(body):
    with pytest.raises(BrokenMessage):
        channels.read_token_answer(body)


def test_a_refusal_names_its_code_as_an_element():
    body = channels.refusal("AccessDeniedException", "no <entry>")
    assert b"<AccessDeniedException>" in body
    assert "no <entry>" == ElementTree.fromstring(body).findtext("Message")


def test_paths_keep_strange_names_in_their_place():
    assert "/v1/control-channel/mi-1" == channels.control_channel_path("mi-1")
    assert "/v1/data-channel/a%2Fb" == channels.data_channel_path("a/b")
    assert "/v1/output/c/..%2F..%2Fetc/stdout" == channels.output_path("c", "../../etc", "stdout")
