"""Steps: which of them run, on which machine, after what."""

import pytest

from ostler.grammar.documents import Flow, PreconditionFault, Step, flow_of, holds, is_left_out

VALUES = {"action": "Install", "confirmed": "True", "list": ["a"]}


def step(*operands, operator="StringEquals"):
    return Step("a", "aws:runShellScript", {}, precondition={operator: operands})


@pytest.mark.parametrize(
    ("operands", "expected"),
    [
        (("platformType", "Linux"), True),
        (("Linux", "platformType"), True),
        (("platformType", "linux"), True),
        (("platformType", "Windows"), False),
        (("{{ action }}", "Install"), True),
        (("{{ action }} {{ confirmed }}", "Install True"), True),
        (("{{ action }}", "install"), False),
        (("{{ list }}", '["a"]'), True),
    ],
)
def test_a_precondition_holds_or_not(operands, expected):
    assert expected is holds(step(*operands), "Linux", VALUES)


@pytest.mark.parametrize(
    ("unclear", "why"),
    [
        (step("platformType"), "exactly 2 arguments"),
        (step("platformType", "platformType"), "can't be identical"),
        (step("{{ ssm:x }}", "y"), "can't contain SSM parameters"),
        (step("platformType", "{{ action }}"), "can't contain parameters"),
        (step("a", "b"), "must contain a valid document parameter"),
        (step("a", "b", operator="StringLike"), "unrecognized operator"),
    ],
)
def test_an_unclear_precondition_fails_the_step(unclear, why):
    with pytest.raises(PreconditionFault, match=why):
        holds(unclear, "Linux", VALUES)


def test_no_precondition_holds_everywhere():
    assert holds(Step("a", "aws:runShellScript", {}), "Windows", {})


@pytest.mark.parametrize(
    ("inputs", "flow"),
    [
        ({"onFailure": "exit", "onSuccess": "exit"}, Flow("exit", "exit")),
        ({"finallyStep": True}, Flow(finally_step=True)),
        ({"finallyStep": "true"}, Flow(finally_step=True)),
        ({"finallyStep": "yes"}, Flow()),
        (None, Flow()),
        ([{"onFailure": "exit"}], Flow()),
    ],
)
def test_flow_is_read_inside_the_inputs(inputs, flow):
    assert flow == flow_of(inputs)


PLAIN, EXITS, ENDS, FINALLY = Flow(), Flow("exit"), Flow("", "exit"), Flow(finally_step=True)


@pytest.mark.parametrize(
    ("flows", "ended", "left_out"),
    [
        ([PLAIN, PLAIN], [("Failed", 1)], False),
        ([EXITS, PLAIN], [("Failed", 1)], True),
        ([EXITS, PLAIN], [("Success", 0)], False),
        ([EXITS, PLAIN], [("TimedOut", 137)], False),
        ([ENDS, PLAIN], [("Success", 0)], True),
        ([ENDS, PLAIN], [("Skipped", 0)], False),
        ([PLAIN, PLAIN], [("Success", 168)], True),
        ([PLAIN, PLAIN], [("Failed", 169)], True),
        ([PLAIN, PLAIN, PLAIN], [("Success", 168), ("Skipped", 0)], True),
        ([EXITS, FINALLY], [("Failed", 1)], False),
        ([EXITS, FINALLY, PLAIN], [("Failed", 1), ("Skipped", 0)], True),
    ],
)
def test_an_early_end_leaves_out_what_follows_but_a_last_finally_step(flows, ended, left_out):
    assert left_out is is_left_out(len(ended), flows, ended)


def test_a_finally_step_in_the_middle_is_an_ordinary_step():
    assert is_left_out(1, [EXITS, FINALLY, PLAIN], [("Failed", 1)])
