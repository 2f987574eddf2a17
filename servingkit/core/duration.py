"""Durations as Go writes them: `60s`, `1m30s`, `1.5h`."""

import re

_GREEK_MICRO = "\N{GREEK SMALL LETTER MU}s"
"""Go reads it like `µs`, whose sign is another character that looks the same."""

_UNITS_S = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    _GREEK_MICRO: 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART = re.compile(rf"(\d+\.?\d*|\.\d+)({'|'.join(_UNITS_S)})", re.ASCII)
_WHOLE = re.compile(rf"\+?(?:{_PART.pattern})+", re.ASCII)


def parse_duration(text: str) -> float | None:
    """Return the seconds that `text` stands for; None when it is no duration, or below zero."""
    if text == "0":
        return 0.0
    if not _WHOLE.fullmatch(text):
        return None
    return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """Return a duration that `parse_duration` reads, in the largest unit that divides it."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"
