import pytest

from servingkit.core.whole_number import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        (b"99", 99),
        ("100", None),
        ("", None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1_0", None),
        ("1.0", None),
        ("²", None),
        ("٣", None),
        ("9" * 5000, None),
        (b"9" * 5000, None),
    ],
)
def test_only_plain_digits_are_a_number(text: str | bytes, number: int | None) -> None:
    assert whole_number(text, 99) == number
