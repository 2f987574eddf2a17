"""Reading settings: collect every problem, then say all of them at once.

A program's `config.py` reads the environment through one `EnvReader`; annotations and files report
with the same `Problem`s, so that a person sees the same kind of message wherever a bad value stood.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

EXIT_CONFIG = 78
"""Exit code for bad settings: EX_CONFIG of sysexits.h."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One bad setting: which key, the value found (None: absent), and what was expected."""

    key: str
    value: str | None
    expected: str

    def __str__(self) -> str:
        found = "not set" if self.value is None else repr(self.value)
        return f"{self.key}: {found}; expected {self.expected}"


class ConfigError(Exception):
    """Settings that cannot be used. `problems` names every one of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def exit_code_of(program: Callable[[], int]) -> int:
    """Return what a program returns; EXIT_CONFIG for bad settings, each of which it is told.

    Some settings prove bad only while the program runs, as a port that is taken: such a ConfigError
    may come in the groups of the program's task groups.
    """
    exit_code = EXIT_CONFIG
    try:
        exit_code = program()
    except* ConfigError as group:
        for error in errors_in(group):
            for problem in error.problems:
                sys.stderr.write(f"{problem}\n")
    return exit_code


ErrorT = TypeVar("ErrorT", bound=BaseException)


def errors_in(group: BaseExceptionGroup[ErrorT]) -> Iterator[ErrorT]:
    """Yield the errors of a group as task groups nest them."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from errors_in(error)
        else:
            yield error


FirstT = TypeVar("FirstT")
SecondT = TypeVar("SecondT")


def read_both(
    first: Callable[[Mapping[str, str]], FirstT],
    second: Callable[[Mapping[str, str]], SecondT],
    environ: Mapping[str, str],
) -> tuple[FirstT, SecondT]:
    """Return what two readers of one environment read. Raises ConfigError with both's problems."""
    try:
        read_first = first(environ)
    except ConfigError as error:
        try:
            second(environ)
        except ConfigError as other:
            raise ConfigError((*error.problems, *other.problems)) from error
        raise
    return read_first, second(environ)


_MOST_SECONDS = 2**31
"""68 years; what adds to it, or counts it in nanoseconds, has room."""


class EnvReader:
    """Typed look-ups in an environment mapping that remember what was wrong.

    A bad or missing value yields the default (or a harmless zero) so that reading can go on;
    `check()` raises at the end.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[Problem] = []

    def text(self, key: str, default: str | None = None) -> str:
        """Return the value of `key`; without a default it is required and must not be empty."""
        value = self._environ.get(key, "")
        if value:
            return value
        if default is None:
            self._problems.append(Problem(key, self._environ.get(key), "a value"))
            return ""
        return default

    def integer(
        self, key: str, default: int | None = None, *, least: int = 0, most: int = 2**31 - 1
    ) -> int:
        """Return a whole number within [least, most]."""
        value = self._environ.get(key, "")
        if not value and default is not None:
            return default
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            expected = f"a whole number from {least} to {most}"
            self._problems.append(Problem(key, self._environ.get(key), expected))
            return least if default is None else default
        return number

    def seconds(self, key: str, default: float | None = None, *, least: float = 0.0) -> float:
        """Return a number of seconds within [least, 2^31)."""
        value = self._environ.get(key, "")
        if not value and default is not None:
            return default
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not least <= number < _MOST_SECONDS:
            bound = f"below {_MOST_SECONDS}" if number > least else f"at least {least:g}"
            expected = f"a number of seconds, {bound}"
            self._problems.append(Problem(key, self._environ.get(key), expected))
            return least if default is None else default
        return number

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean written as true or false."""
        value = self._environ.get(key, "").lower()
        if not value:
            return default
        if value not in {"true", "false"}:
            self.reject(key, "true or false")
        return value == "true"

    def reject(self, key: str, expected: str) -> None:
        """Note that the value of `key` cannot be used."""
        self._problems.append(Problem(key, self._environ.get(key), expected))

    def note(self, error: ConfigError) -> None:
        """Note what was wrong inside a value that another parser read."""
        self._problems += error.problems

    def check(self) -> None:
        """Raise `ConfigError` if anything was wrong."""
        if self._problems:
            raise ConfigError(self._problems)


_LOG_LEVELS = ("debug", "info", "warning", "error")


def read_log_level(env: EnvReader) -> str:
    """Read LOG_LEVEL of a program of the control plane or the activator."""
    level = env.text("LOG_LEVEL", "info").lower()
    if level not in _LOG_LEVELS:
        env.reject("LOG_LEVEL", ", ".join(_LOG_LEVELS))
    return level
