"""How long a client says that it will wait: `Prefer: wait=10` (RFC 7240 section 4.3)."""

from typing import Final

_MOST_DIGITS: Final = 6


def wait_preference_s(prefer: bytes) -> int | None:
    """Return the seconds that a `Prefer` header names; None when it names none.

    Of several the first counts; one that is no number is as if it were not there (section 2).
    """
    for preference in prefer.split(b","):
        name, _, value = preference.partition(b";")[0].partition(b"=")
        if name.strip().lower() == b"wait":
            seconds = value.strip().strip(b'"')
            return int(seconds) if seconds.isdigit() and len(seconds) <= _MOST_DIGITS else None
    return None
