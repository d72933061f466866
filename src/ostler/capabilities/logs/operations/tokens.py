"""Tokens of lists, in the words of logs."""

from collections.abc import Sequence
from typing import Any

from ostler.capabilities.logs.errors import InvalidParameterException
from ostler.foundation.call import Call
from ostler.foundation.errors import InvalidNextToken


def opened(call: Call, question: Sequence[str], token: str) -> tuple[Any, ...]:
    """What stands in a token; InvalidParameterException when another question gave it."""
    try:
        return call.page_tokens.open(question, token)
    except InvalidNextToken:
        raise InvalidParameterException("The specified nextToken is invalid.") from None
