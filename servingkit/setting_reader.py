"""Typed look-ups in settings written as text; every problem is collected, none stops the reading.

The counterpart for environment variables is `servingkit.config.EnvReader`; these values have the
types of Knative's annotations and of its ConfigMap.
"""

import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from servingkit.config import ConfigError, Problem
from servingkit.core.duration import format_duration, parse_duration

_MOST_INT32 = 2**31 - 1
_TRUE = frozenset({"true", "t", "1"})
_FALSE = frozenset({"false", "f", "0"})
_UPPER = re.compile(r"(?<!^)(?=[A-Z])")

Choice = TypeVar("Choice", bound=Enum)


def kebab_case(name: str) -> str:
    """Return `min-scale` for `minScale`, the older spelling that Knative still accepts."""
    return _UPPER.sub("-", name).lower()


class SettingReader:
    """Reads settings by their names without `prefix`; names nobody asked for are problems."""

    def __init__(self, settings: Mapping[str, str], prefix: str) -> None:
        self._prefix = prefix
        self._values: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        for key, value in settings.items():
            if key.startswith(prefix):
                name = kebab_case(key.removeprefix(prefix))
                if name in self._values and key != prefix + name:
                    continue  # of two spellings the newer one counts, as with Knative
                self._values[name] = value
                self._keys[name] = key
        self._known: set[str] = set()
        self._problems: list[Problem] = []

    def number(self, name: str, default: float, *, least: float, most: float = math.inf) -> float:
        """Return a finite number within [least, most]."""
        text = self._take(name)
        if text is None:
            return default
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and least <= number <= most:
            return number
        bounds = f"from {least:g} to {most:g}" if most < math.inf else f"of at least {least:g}"
        self.reject(name, f"a number {bounds}")
        return default

    def whole(self, name: str, default: int, *, least: int = 0, most: int = _MOST_INT32) -> int:
        """Return a whole number within [least, most]."""
        text = self._take(name)
        if text is None:
            return default
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if least <= number <= most:
            return number
        is_in_question = most < _MOST_INT32 or number > most
        bounds = f"from {least} to {most}" if is_in_question else f"of at least {least}"
        self.reject(name, f"a whole number {bounds}")
        return default

    def seconds(
        self,
        name: str,
        default: float,
        *,
        least: float = 0,
        most: float = math.inf,
        whole: bool = False,
    ) -> float:
        """Return the seconds of a duration such as `1m30s`, within [least, most]."""
        text = self._take(name)
        if text is None:
            return default
        seconds = parse_duration(text)
        if seconds is not None and least <= seconds <= most and not (whole and seconds % 1):
            return seconds
        kind = "a duration in whole seconds" if whole else "a duration"
        bounds = f"of at least {format_duration(least)}"
        if most < math.inf:
            bounds = f"from {format_duration(least)} to {format_duration(most)}"
        self.reject(name, f"{kind} {bounds}, such as 60s or 1m30s")
        return default

    def text(self, name: str, default: str) -> str:
        """Return a text, without the blanks around it."""
        text = self._take(name)
        return default if text is None else text.strip()

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean: true or false, or as else Go writes them."""
        text = self._take(name)
        if text is None:
            return default
        if text.lower() not in _TRUE | _FALSE:
            self.reject(name, "true or false")
        return text.lower() in _TRUE

    def choice(self, name: str, default: Choice) -> Choice:
        """Return a member of the enumeration of `default`, by its value in either spelling."""
        return self.optional_choice(name, type(default)) or default

    def optional_choice(self, name: str, choices: type[Choice]) -> Choice | None:
        """Return a member of `choices`, as `choice` does; None when it is absent or bad."""
        text = self._take(name)
        if text is None:
            return None
        members = {str(member.value): member for member in choices}
        chosen = members.get(kebab_case(text))
        if chosen is None:
            self.reject(name, " or ".join(members))
        return chosen

    def optional_text(self, name: str) -> str | None:
        """Return the text as it was written; None when the setting is absent."""
        return self._take(name)

    def reject(self, name: str, expected: str) -> None:
        """Note that the value of `name` cannot be used."""
        key = self._keys.get(name, self._prefix + name)
        self._problems.append(Problem(key, self._values.get(name), expected))

    def problems(self) -> tuple[Problem, ...]:
        """Return what was wrong so far, and every name that nobody asked for."""
        known = ", ".join(sorted(self._known))
        unknown = (
            Problem(self._keys[name], self._values[name], f"one of {known}")
            for name in sorted(self._values.keys() - self._known)
        )
        return (*self._problems, *unknown)

    def check(self) -> None:
        """Raise `ConfigError` if a value was bad or a name was not known."""
        problems = self.problems()
        if problems:
            raise ConfigError(problems)

    def _take(self, name: str) -> str | None:
        self._known.add(name)
        return self._values.get(name)
