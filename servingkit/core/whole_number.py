"""Numbers that strangers write: in headers, annotations and variables."""

from typing import Final

_MOST_DIGITS: Final = 40
"""Zeros in front included."""


def whole_number(text: str | bytes, most: int) -> int | None:
    """Return what plain digits mean, from 0 to `most`; None for anything else.

    int() takes signs, blanks, underscores and other scripts' digits, and raises for thousands.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
        return None
    number = int(text)
    return number if number <= most else None
