"""A model's page of metrics as the second half of the sidecar's: read, checked, and cut to fit.

Prometheus throws a whole page away for one line that it cannot read, and for two families of one
name. So a page with a bad line is not used at all, and names that begin like the sidecar's own are
left out: on one page `inflight_…` is always the sidecar's.
"""

import re
from typing import Final

RESERVED_PREFIX: Final = "inflight_"

_SAMPLE: Final = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:[ \t]*\{.*\})?"
    r"[ \t]+(?:NaN|[+-]?(?:Inf|[0-9.]+(?:[eE][+-]?[0-9]+)?))(?:[ \t]+-?[0-9]+)?[ \t]*"
)
_FAMILY: Final = re.compile(
    r"#[ \t]+(?:HELP|TYPE)[ \t]+(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:[ \t].*)?"
)


class MalformedPageError(Exception):
    """What a model serves is no page of Prometheus' text format; the text is the first bad line."""


def foreign_half(page: str) -> str:
    """Return the lines of `page` that can stand below the sidecar's. Raises MalformedPageError."""
    lines: list[str] = []
    for line in page.split("\n"):
        found = _FAMILY.fullmatch(line) if line.startswith("#") else _SAMPLE.fullmatch(line)
        if found is not None:
            if not found["name"].startswith(RESERVED_PREFIX):
                lines.append(line + "\n")
        elif line.strip() and not line.startswith("#"):
            raise MalformedPageError(line)
    return "".join(lines)
