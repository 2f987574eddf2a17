"""Typed look-ups in settings that a person wrote, collecting every problem.

The same reader serves a YAML file and the command line: both become mappings with the keys of the
file, and `label` says how the person wrote a key: `revisions[0].port` or `--port`.
"""

from collections.abc import Callable, Collection, Mapping

from servingkit.config import Problem

Label = Callable[[str], str]
"""From the path of a key inside one revision, such as `scaling.target`, to what was written."""

_SCALARS = (str, int, float, bool)


class Fields:
    """One mapping of settings. A bad value is noted and yields the default, so reading goes on."""

    def __init__(
        self, values: Mapping[object, object], problems: list[Problem], label: Label, path: str = ""
    ) -> None:
        self._values = values
        self._problems = problems
        self._label = label
        self._path = path

    def __repr__(self) -> str:
        return f"<Fields {self._path or 'of a revision'}: {list(self._values)}>"

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def label(self, key: str) -> str:
        """Return how the person wrote `key`."""
        return self._label(self._path + key)

    def reject(self, key: str, expected: str) -> None:
        """Note that the value of `key` cannot be used."""
        value = self._values.get(key)
        found = None if value in (None, [], {}) else _as_text(value)
        self._problems.append(Problem(self.label(key), found, expected))

    def only(self, known: Collection[str]) -> None:
        """Reject every key that is not known."""
        for key in self._values:
            if key not in known:
                self.reject(str(key), f"one of the keys {', '.join(known)}")

    def text(self, key: str, default: str) -> str:
        """Return a text."""
        value = self._values.get(key, default)
        if isinstance(value, str):
            return value
        self.reject(key, "a text")
        return default

    def whole(self, key: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
        """Return a whole number within [least, most]."""
        value = self._values.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.reject(key, f"a whole number from {least} to {most}")
        return default

    def number(self, key: str, default: float, *, above: float, most: float) -> float:
        """Return a number above one bound, up to the other."""
        value = self._values.get(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and above < value <= most:
            return float(value)
        self.reject(key, f"a number above {above:g}, at most {most:g}")
        return default

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; numbers in it are taken as they were written."""
        value = self._values.get(key, [])
        if isinstance(value, list | tuple) and all(_is_scalar(item) for item in value):
            return tuple(_as_text(item) for item in value)
        self.reject(key, "a list of texts")
        return ()

    def text_by_name(self) -> dict[str, str]:
        """Return all of it as texts by their names; numbers are taken as they were written."""
        for name, value in self._values.items():
            if not _is_scalar(value):
                self.reject(str(name), "a text or a number")
        return {str(name): _as_text(value) for name, value in self._values.items()}

    def as_json(self) -> dict[str, object]:
        """Return the values as they were read."""
        return {str(key): value for key, value in self._values.items()}

    def inner(self, key: str) -> "Fields":
        """Return the mapping under `key`; empty when it is absent."""
        value = self._values.get(key)
        if value is not None and not isinstance(value, dict):
            self.reject(key, "keys with values")
        values = value if isinstance(value, dict) else {}
        return Fields(values, self._problems, self._label, f"{self._path}{key}.")

    def inners(self, key: str) -> "tuple[Fields, ...]":
        """Return the mappings in the list under `key`; empty when it is absent."""
        values = self._values.get(key, [])
        if not isinstance(values, list):
            self.reject(key, "a list of keys with values")
            return ()
        found = []
        for index, value in enumerate(values):
            path = f"{self._path}{key}[{index}]"
            if isinstance(value, dict):
                found.append(Fields(value, self._problems, self._label, f"{path}."))
            else:
                self._problems.append(Problem(self._label(path), str(value), "keys with values"))
        return tuple(found)


def _is_scalar(value: object) -> bool:
    return isinstance(value, _SCALARS)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
