"""Which method answers which operation, and what stops the start-up."""

import pytest

from ostler.foundation.errors import NotYetImplemented
from ostler.gateway.dispatch import Dispatch, WrongOperations


class Answers:
    service = "ssm"

    async def send_command(self, call, given):
        return {}


class Misspelt:
    service = "ssm"

    async def send_comand(self, call, given):
        return {}


def test_the_method_is_the_operation_in_snake_case() -> None:
    answers = Answers()

    assert answers.send_command == Dispatch([answers]).method("ssm", "SendCommand")


def test_what_nobody_answers_is_not_yet_implemented() -> None:
    with pytest.raises(NotYetImplemented, match="ListCommands"):
        Dispatch([Answers()]).method("ssm", "ListCommands")


def test_a_public_method_that_is_no_operation_stops_the_start() -> None:
    with pytest.raises(WrongOperations, match="send_comand"):
        Dispatch([Misspelt()])


def test_an_operation_answered_twice_stops_the_start() -> None:
    with pytest.raises(WrongOperations, match="SendCommand"):
        Dispatch([Answers(), Answers()])
