"""How long a client says that it will wait: `Prefer: wait=10` (RFC 7240 section 4.3)."""

from typing import Final

from servingkit.core.whole_number import whole_number

_MOST_SECONDS: Final = 999_999


def wait_preference_s(prefer: bytes) -> int | None:
    """Return the seconds that a `Prefer` header names; None when it names none.

    Of several the first counts; one that is no number is as if it were not there (section 2).
    """
    for preference in prefer.split(b","):
        name, _, value = preference.partition(b";")[0].partition(b"=")
        if name.strip().lower() == b"wait":
            return whole_number(value.strip().strip(b'"'), _MOST_SECONDS)
    return None
