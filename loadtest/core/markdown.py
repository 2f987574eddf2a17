"""The parts of Markdown that pages of results are made of."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

NOT_MEASURED: Final = "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; all columns but the first are aligned right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def fact_table(facts: Mapping[str, str]) -> str:
    """Return a table without a head, with a line for each fact."""
    return table(["", ""], facts.items())


def versions_in_words(versions: Mapping[str, str]) -> str:
    """Return programs and their versions on one line."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def number(value: float | None, form: str) -> str:
    """Return a value as `form`, such as `{:.1f}`, has it; a dash if it was not measured."""
    return NOT_MEASURED if value is None or math.isnan(value) else form.format(value)
