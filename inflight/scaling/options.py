"""The scaling options of the command line, and what a person gave of them.

An option has the name of Knative's annotation without its prefix. It becomes what a revision file
would have said, so that both are read and checked by the same code.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from autoscaler.core.defaults import Defaults, parse_defaults
from autoscaler.defaults_source import DefaultsSource
from servingkit.config import ConfigError, Problem
from servingkit.core.whole_number import whole_number

OptionTable = Mapping[str, tuple[str, str]]
"""From an option's name to the placeholder of its value, and what it is."""

DEFAULTS = Defaults(allow_zero_initial_scale=True)
_MOST_WHOLE = 2**31 - 1
_BELOW = {"allow-zero-initial-scale": "true"}

CONTAINER_CONCURRENCY: OptionTable = {
    "container-concurrency": ("N", "requests one pod may run at once; 0: no limit (0)"),
}
SCALING: OptionTable = {
    "target": ("N", "in flight, or requests a second, that a pod can take (100; rps: 200)"),
    "metric": ("NAME", "what the target counts: concurrency or rps (concurrency)"),
    "target-utilization-percentage": ("P", "share of the target that is aimed at (70)"),
    "target-burst-capacity": (
        "N",
        "spare capacity that lets traffic go to pods directly (-1: never)",
    ),
    "min-scale": ("N", "least pods (0)"),
    "max-scale": ("N", "most pods; 0: no limit (0)"),
    "initial-scale": ("N", "pods at the start (1)"),
    "activation-scale": ("N", "least pods when leaving zero (1)"),
    "window": ("TIME", "stable window, over which load is averaged (60s)"),
    "panic-window-percentage": ("P", "panic window, in percent of the stable one (10)"),
    "panic-threshold-percentage": ("P", "panic when so many more pods are wanted (200)"),
    "scale-down-delay": ("TIME", "how long fewer pods must be wanted (0s)"),
    "scale-to-zero-pod-retention-period": ("TIME", "how long the last pod stays at least (0s)"),
    "metrics": ("LIST", "further metrics, such as rps=50,gauge:vllm:num_requests_waiting=4"),
    "metrics-port": ("PORT", "port of a pod with the model's metrics (on the sidecar's page)"),
    "metrics-path": ("PATH", "path of the model's metrics (/metrics)"),
    "schedules": ("LIST", "bounds by the clock: '0 8 * * mon-fri Europe/Berlin 10h min-scale=3'"),
    "credit-starting-pods": ("BOOL", "count what waits for a pod as the work it is (false)"),
    "tolerance-percentage": ("P", "keep the pods while load is so little off (0)"),
    "prediction": ("MODE", "off, preview, or floor: pods for the load at the horizon (off)"),
    "prediction-window": ("TIME", "how far a prediction looks back (5m)"),
    "prediction-horizon": ("TIME", "how far it looks ahead: the start of a pod (60s)"),
}
GRACE_PERIOD: OptionTable = {
    "scale-to-zero-grace-period": ("TIME", "how long the last pod stays after load ended (30s)"),
}
CONFIG: OptionTable = {
    "config": ("PATH", "defaults of all revisions: a YAML file, or a folder with a file a key"),
}
ANNOTATION: OptionTable = {
    "annotation": ("KEY=VALUE", "any other annotation, Knative's or ours"),
}


def add_group(parser: argparse.ArgumentParser, title: str, options: OptionTable) -> None:
    """Add options that take one value."""
    group = parser.add_argument_group(title)
    for name, (metavar, words) in options.items():
        group.add_argument(f"--{name}", dest=name, metavar=metavar, help=words)


def add_repeated_group(parser: argparse.ArgumentParser, title: str, options: OptionTable) -> None:
    """Add options that may be given several times."""
    group = parser.add_argument_group(title)
    for name, (metavar, words) in options.items():
        group.add_argument(f"--{name}", metavar=metavar, action="append", default=[], help=words)


class GivenOptions:
    """The options that a person gave. `problems` gathers what is wrong with them."""

    def __init__(
        self, arguments: argparse.Namespace, names: Iterable[str], numbers: Iterable[str]
    ) -> None:
        """Look at the options with these names; those in `numbers` are whole numbers."""
        given = vars(arguments)
        self.problems: list[Problem] = []
        self._numbers = frozenset(numbers)
        self._options = {name: str(given[name]) for name in names if given[name] is not None}
        self._annotations: list[str] = arguments.annotation

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._options}, {len(self.problems)} problems>"

    def pick(self, names: Iterable[str]) -> Iterator[tuple[str, str | int]]:
        """Yield those of `names` that were given, with their values; whole numbers as such."""
        for name in names:
            if name in self._options:
                value = self._options[name]
                number = whole_number(value, _MOST_WHOLE) if name in self._numbers else None
                yield name, value if number is None else number

    def refuse(self, names: Iterable[str], expected: str) -> None:
        """Note those of `names` that were given and cannot be."""
        found = ((f"--{name}", str(value)) for name, value in self.pick(names))
        self.problems += (Problem(key, value, expected) for key, value in found)

    def refuse_scaling(self, expected: str) -> None:
        """Note all that was given about scaling and cannot be."""
        self.refuse((*CONTAINER_CONCURRENCY, *SCALING), expected)
        found = self._annotations
        self.problems += (Problem("--annotation", text, expected) for text in found)

    def scaling_fields(self) -> dict[object, object]:
        """Return what a revision file would have said about scaling."""
        values: dict[object, object] = {
            "scaling": dict(self.pick(SCALING)),
            "annotations": self._annotation_by_key(),
        }
        for _, value in self.pick(CONTAINER_CONCURRENCY):
            values["containerConcurrency"] = value
        return values

    def defaults_source(self) -> DefaultsSource | None:
        """Return where the autoscaler's defaults are written, if a person said so."""
        for _, path in self.pick(CONFIG):
            written = self._written_defaults()
            labels = {key: f"--{key}" for key in written}
            return DefaultsSource(
                key="--config",
                below=_BELOW,
                path=Path(str(path)),
                above=written,
                labels=labels,
            )
        return None

    def defaults(self, source: DefaultsSource | None) -> Defaults:
        """Return the autoscaler's defaults as they are now."""
        try:
            if source is not None:
                return source.read()
            written = self._written_defaults().items()
            return parse_defaults(
                {f"--{key}": value for key, value in (*_BELOW.items(), *written)}, "--"
            )
        except ConfigError as error:
            self.problems += error.problems
            return DEFAULTS

    def _written_defaults(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.pick(GRACE_PERIOD)}

    def _annotation_by_key(self) -> dict[str, str]:
        annotations: dict[str, str] = {}
        for text in self._annotations:
            key, equals, value = text.partition("=")
            if equals:
                annotations[key] = value
            else:
                self.problems.append(Problem("--annotation", text, "KEY=VALUE"))
        return annotations


def label(path: str) -> str:
    """Return the option for the path of a key in a revision file."""
    key, _, name = path.partition(".")
    if key == "annotations":
        return f"--annotation {name}"
    if key == "scaling":
        return f"--{name}"
    return "--container-concurrency" if key == "containerConcurrency" else f"--{key}"
