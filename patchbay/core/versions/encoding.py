"""Numbers and text as digits that compare as strings the way the originals compare."""

_MOST_DIGITS = 99


class Malformed(ValueError):
    """The text does not fit the scheme; the message is the reason."""


def number(digits: str) -> str:
    """A whole number of up to 99 digits: how many it has, then the digits."""
    significant = digits.lstrip("0")
    if len(significant) > _MOST_DIGITS:
        raise Malformed(f"a number in it has more than {_MOST_DIGITS} digits")
    return f"{len(significant):02}{significant}"


def text(characters: str) -> str:
    """Text in code point order, closed so that a prefix comes first: two digits a printable ASCII letter, else nine."""
    return "".join(_letter(ord(character)) for character in characters) + "00"


def _letter(code: int) -> str:
    return f"{code - 31:02}" if 32 <= code <= 126 else f"99{code:07}"
