"""`Prefer: wait`."""

import pytest

from activator.core.wait_preference import wait_preference_s


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (b"", None),
        (b"wait=10", 10),
        (b"respond-async, Wait = 10", 10),
        (b'wait="10"; foo="bar"', 10),
        (b"wait=0", 0),
        (b"wait=1, wait=5", 1),
        (b"wait", None),
        (b"wait=soon", None),
        (b"wait=-1", None),
        (b"wait=99999999999999999999", None),
        (b"return=minimal", None),
    ],
)
def test_the_seconds_are_read_as_the_rfc_says(prefer: bytes, seconds: int | None) -> None:
    assert wait_preference_s(prefer) == seconds
