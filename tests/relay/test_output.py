"""Whole output: in pieces, resumable, and never a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostler.foundation.clock import ManualClock
from ostler.foundation.errors import ValidationException
from ostler.relay.output import Place, answer, place_of
from ostler.wire.agent.channels import UPLOAD_OFFSET, output_path
from ostler.wire.http import Request
from tests.relay.fakes import NODE, SCOPE, MemoryOutput
from tests.support.calls import a_call

COMMAND = "0f9d2c1e-1111-4222-8333-444455556666"
CALL = a_call("ssmmessages:OpenControlChannel", SCOPE, ManualClock(), node=NODE)
PATH = output_path(COMMAND, "greet", "stdout")
PLACE = (NODE, COMMAND, "greet", "stdout")


@pytest.fixture
def output():
    return MemoryOutput()


async def put(output, body, query):
    response = await answer(Request("PUT", PATH, query, body=body), CALL, NODE, output)
    return response.status, int(response.headers[UPLOAD_OFFSET])


async def test_pieces_follow_each_other(output):
    assert (200, 5) == await put(output, b"hello", "offset=0")
    assert (200, 11) == await put(output, b" world", "offset=5&final=true")
    assert b"hello world" == output.kept[PLACE]
    assert {PLACE} == output.finished


async def test_a_piece_in_the_wrong_place_is_told_the_right_one(output):
    await put(output, b"hello", "offset=0")
    assert (409, 5) == await put(output, b"lost", "offset=9&final=true")
    assert b"hello" == output.kept[PLACE]
    assert set() == output.finished


async def test_a_piece_sent_again_after_a_cut_is_well_received(output):
    await put(output, b"hello", "offset=0")
    assert (200, 5) == await put(output, b"hello", "offset=0&final=true")
    assert b"hello" == output.kept[PLACE]
    assert {PLACE} == output.finished


async def test_a_node_is_told_that_no_more_is_kept(output):
    output.most = 8
    await put(output, b"hello", "offset=0")
    assert (413, 8) == await put(output, b" world", "offset=5&final=true")
    assert set() == output.finished


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_a_node_may_ask_where_to_go_on(output, method):
    await put(output, b"hello", "offset=0")
    response = await answer(Request(method, PATH), CALL, NODE, output)
    assert (200, "5") == (response.status, response.headers[UPLOAD_OFFSET])


async def test_what_is_whole_is_delivered_in_the_nodes_name(output):
    await put(output, b"hello", "offset=0")
    assert [] == output.delivered

    await put(output, b" world", "offset=5&final=true")
    assert [(CALL.caller.arn, *PLACE)] == output.delivered


async def test_an_empty_output_may_end(output):
    assert (200, 0) == await put(output, b"", "offset=0&final=true")
    assert {PLACE} == output.finished


@pytest.mark.parametrize("query", ["offset=-1", "offset=x", "offset=1e3", "offset=" + "9" * 16])
async def test_an_offset_is_a_number(output, query):
    with pytest.raises(ValidationException):
        await put(output, b"hello", query)


@pytest.mark.parametrize("step", ["greet", "aws:runShellScript", "0.awsrunShellScript", "a b-c_d"])
def test_names_of_steps_are_kept_as_they_are(step):
    assert Place(COMMAND, step, "stderr") == place_of(output_path(COMMAND, step, "stderr"))


@pytest.mark.parametrize(
    ("command", "step", "stream"),
    [
        (COMMAND, "../../etc", "stdout"),
        (COMMAND, "..", "stdout"),
        (COMMAND, "", "stdout"),
        (COMMAND, "a\nb", "stdout"),
        (COMMAND, "a\n", "stdout"),
        (COMMAND, "s" * 129, "stdout"),
        (COMMAND, "greet", "stdin"),
        ("..", "greet", "stdout"),
        (COMMAND + "\n", "greet", "stdout"),
    ],
)
def test_names_that_are_none_are_refused(command, step, stream):
    with pytest.raises(ValidationException):
        place_of(output_path(command, step, stream))


@given(st.text(max_size=60))
def test_no_path_leads_elsewhere(path):
    with pytest.raises(ValidationException):
        place_of("/v1/output/" + path)
