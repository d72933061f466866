"""Kinds of characters and of places between them, as Go's patterns define them."""

from collections.abc import Callable

from ostler.grammar.documents.patterns.machine import Test


def _is_word(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter == "_")


def _is_digit(letter: str) -> bool:
    return letter.isascii() and letter.isdigit()


def _is_space(letter: str) -> bool:
    return letter in " \t\n\f\r\v"


def is_not_newline(letter: str) -> bool:
    return letter != "\n"


def at_start(text: str, position: int) -> bool:
    return position == 0


def at_end(text: str, position: int) -> bool:
    return position == len(text)


def at_line_start(text: str, position: int) -> bool:
    return position == 0 or text[position - 1] == "\n"


def at_line_end(text: str, position: int) -> bool:
    return position == len(text) or text[position] == "\n"


def _at_word_edge(text: str, position: int) -> bool:
    before = position > 0 and _is_word(text[position - 1])
    after = position < len(text) and _is_word(text[position])
    return before is not after


ASSERTIONS: dict[str, Callable[[str, int], bool]] = {
    "A": at_start,
    "z": at_end,
    "Z": at_end,
    "b": _at_word_edge,
    "B": lambda text, position: not _at_word_edge(text, position),
}
SETS: dict[str, Test] = {
    "d": _is_digit,
    "D": lambda letter: not _is_digit(letter),
    "w": _is_word,
    "W": lambda letter: not _is_word(letter),
    "s": _is_space,
    "S": lambda letter: not _is_space(letter),
}
CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
POSIX: dict[str, Test] = {
    "alnum": lambda letter: letter.isascii() and letter.isalnum(),
    "alpha": lambda letter: letter.isascii() and letter.isalpha(),
    "ascii": str.isascii,
    "blank": lambda letter: letter in " \t",
    "cntrl": lambda letter: letter < " " or letter == "\x7f",
    "digit": _is_digit,
    "graph": lambda letter: "!" <= letter <= "~",
    "lower": lambda letter: "a" <= letter <= "z",
    "print": lambda letter: " " <= letter <= "~",
    "punct": lambda letter: "!" <= letter <= "~" and not letter.isalnum(),
    "space": _is_space,
    "upper": lambda letter: "A" <= letter <= "Z",
    "word": _is_word,
    "xdigit": lambda letter: letter in "0123456789abcdefABCDEF",
}
CATEGORIES = {
    *("C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn"),
    *("N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps"),
    *("S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs"),
}
