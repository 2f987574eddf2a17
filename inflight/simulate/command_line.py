"""The options of `inflight simulate`, and how they become settings."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import parse_annotations
from inflight.scaling.annotations import read_annotations
from inflight.scaling.fields import Fields
from inflight.scaling.options import (
    ANNOTATION,
    CONFIG,
    CONTAINER_CONCURRENCY,
    GRACE_PERIOD,
    SCALING,
    GivenOptions,
    OptionTable,
    add_group,
    add_repeated_group,
    label,
)
from inflight.simulate.core.load import LONGEST_S, MOST_LOAD, Load, LoadKind, Shape, ShapedLoad
from inflight.simulate.core.service_time import Distribution, ServiceTime
from inflight.simulate.core.simulation import Model, Scenario
from inflight.simulate.load_file import read_load
from inflight.simulate.scaling_file import read_scaling_file
from inflight.simulate.settings import SimulateSettings
from servingkit.config import ConfigError, Problem
from servingkit.setting_reader import SettingReader

HELP = "run the autoscaler on a load trace, faster than real time"

DESCRIPTION = """\
Run the autoscaler on a load trace, offline and faster than real time.

The decisions are those of the real autoscaler; requests, pods and the activator's queue
are simulated. docs/simulate.md tells how to choose settings by it, and what it leaves out.
"""

EPILOG = """\
examples:
  # twenty requests a second for a tenth of an hour, on pods that take 30 s to start
  inflight simulate --shape burst --low 1 --peak 20 --service-time 500ms --pod-start 30s \\
      --container-concurrency 4 --plot out/burst.png

  # load as it was recorded, under two settings; their keys are those of a revision file
  inflight simulate load.csv --compare calm.yaml eager.yaml

exit codes: 0 simulated, 1 output that cannot be written, 2 wrong usage,
  78 settings that cannot be used, 130 Ctrl-C
"""

_SHAPE_OPTIONS: OptionTable = {
    "shape": ("NAME", f"{', '.join(shape.value for shape in Shape)} (ramp)"),
    "load": ("KIND", "what it counts: arrivals_per_s or concurrency (arrivals_per_s)"),
    "peak": ("N", "the highest load (10)"),
    "low": ("N", "the least load (0)"),
    "duration": ("TIME", "how long it takes (1h)"),
}
_MODEL_OPTIONS: OptionTable = {
    "service-time": ("TIME", "how long a pod works on a request, on average (100ms)"),
    "service-distribution": ("NAME", "fixed, exponential or lognormal (fixed)"),
    "service-variation": ("RATIO", "standard deviation over mean, of lognormal times (1)"),
    "pod-start": ("TIME", "from asking for a pod until it is ready (10s)"),
    "queue-limit": ("N", "requests that may wait for a pod (10000)"),
    "begin": ("TIME", "date and time at second 0, in UTC (2024-01-01T00:00, a Monday)"),
    "seed": ("N", "the same seed gives the same requests (1)"),
}
_OUTPUT_OPTIONS: OptionTable = {
    "csv": ("FILE", "write every second as a line"),
    "plot": ("FILE.png", "draw a picture; needs the extra inflight[simulate]"),
}
_GROUPS = {
    "a load, instead of a FILE": _SHAPE_OPTIONS,
    "the model": {**CONTAINER_CONCURRENCY, **_MODEL_OPTIONS},
    "its scaling, by the names of its annotations": {**SCALING, **GRACE_PERIOD, **CONFIG},
    "output, besides the summary": _OUTPUT_OPTIONS,
}
_BEGIN = "2024-01-01T00:00"
_LEAST_TIME_S = 0.001
_LONGEST_TIME_S = 86_400.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `inflight simulate`."""
    parser.usage = "inflight simulate [FILE] [OPTION…]"
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="a load trace, in CSV")
    for title, options in _GROUPS.items():
        add_group(parser, title, options)
    add_repeated_group(parser, "may be given several times", ANNOTATION)
    parser.add_argument(
        "--compare",
        metavar=("A.yaml", "B.yaml"),
        nargs=2,
        type=Path,
        help="lay two settings of scaling and container concurrency side by side",
    )


def read_settings(arguments: argparse.Namespace) -> SimulateSettings:
    """Return the settings; raises ConfigError that names every bad option and key."""
    line = _CommandLine(arguments)
    load = line.load()
    settings = SimulateSettings(
        load=load,
        scenarios=dict(line.scenarios()),
        seed=line.seed(),
        csv=line.output("csv"),
        plot=line.output("plot", ".png"),
    )
    line.check()
    return settings


class _CommandLine(GivenOptions):
    """What a person typed."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(arguments, chain.from_iterable(_GROUPS.values()), CONTAINER_CONCURRENCY)
        self._file: Path | None = arguments.file
        self._compared: list[Path] = arguments.compare or []
        read = _MODEL_OPTIONS if self._file else (*_SHAPE_OPTIONS, *_MODEL_OPTIONS)
        written = self.pick(read)
        self._reader = SettingReader({f"--{name}": str(value) for name, value in written}, "--")

    def load(self) -> Load:
        """Return the load, from the file or by its shape."""
        if self._file is None:
            return self._shaped_load().load()
        self.refuse(_SHAPE_OPTIONS, "to be absent, if a FILE is given")
        try:
            return read_load(self._file)
        except ConfigError as error:
            self.problems += error.problems
            return Load(LoadKind.ARRIVALS, ())

    def scenarios(self) -> Iterator[tuple[str, Scenario]]:
        """Yield what is to be simulated, by name."""
        model, defaults, begin_wall_s = (
            self._model(),
            self.defaults(self.defaults_source()),
            self._begin_wall_s(),
        )
        if not self._compared:
            fields = Fields(self.scaling_fields(), self.problems, label)
            yield "simulated", self._scenario(fields, model, defaults, begin_wall_s)
            return
        self.refuse_scaling("to be in the files that are compared")
        first, second = self._compared
        if first == second:
            self.problems.append(Problem("--compare", str(second), "another file"))
        for path in self._compared:
            fields = read_scaling_file(path, self.problems)
            yield str(path), self._scenario(fields, model, defaults, begin_wall_s)

    def _begin_wall_s(self) -> float:
        text = self._reader.text("begin", _BEGIN)
        try:
            begin = datetime.fromisoformat(text)
        except ValueError:
            self._reader.reject("begin", "a date and time such as 2024-03-31T00:30")
            return 0.0
        return begin.replace(tzinfo=begin.tzinfo or UTC).timestamp()

    def seed(self) -> int:
        """Return what chance begins with."""
        return self._reader.whole("seed", 1)

    def output(self, name: str, suffix: str = "") -> Path | None:
        """Return the file to write, if one was named."""
        for _, text in self.pick((name,)):
            path = Path(str(text))
            if path.is_dir() or path.suffix != (suffix or path.suffix):
                expected = f"a file{f' named *{suffix}' if suffix else ''}"
                self.problems.append(Problem(f"--{name}", str(text), expected))
            return path
        return None

    def check(self) -> None:
        """Raise ConfigError if anything was wrong."""
        problems = (*self.problems, *self._reader.problems())
        if problems:
            raise ConfigError(problems)

    def _shaped_load(self) -> ShapedLoad:
        reader = self._reader
        shape = reader.choice("shape", Shape.RAMP)
        kind = reader.choice("load", LoadKind.ARRIVALS)
        if shape is Shape.POISSON and kind is not LoadKind.ARRIVALS:
            reader.reject("load", f"{LoadKind.ARRIVALS.value}, since users do not come by chance")
        low = reader.number("low", 0.0, least=0, most=MOST_LOAD)
        return ShapedLoad(
            shape=shape,
            kind=kind,
            low=low,
            peak=reader.number("peak", max(10.0, low), least=low, most=MOST_LOAD),
            duration_s=int(reader.seconds("duration", 3600.0, least=1, most=LONGEST_S, whole=True)),
        )

    def _model(self) -> Model:
        reader = self._reader
        return Model(
            service_time=ServiceTime(
                mean_s=reader.seconds(
                    "service-time", 0.1, least=_LEAST_TIME_S, most=_LONGEST_TIME_S
                ),
                distribution=reader.choice("service-distribution", Distribution.FIXED),
                variation_ratio=reader.number("service-variation", 1.0, least=0.01, most=100),
            ),
            pod_start_s=reader.seconds("pod-start", 10.0, most=_LONGEST_TIME_S),
            queue_limit=reader.whole("queue-limit", 10_000),
        )

    def _scenario(
        self, fields: Fields, model: Model, defaults: Defaults, begin_wall_s: float
    ) -> Scenario:
        problems_before = len(self.problems)
        annotations = read_annotations(fields, defaults, self.problems)
        usable = annotations if len(self.problems) == problems_before else {}
        scaling = parse_annotations(usable, defaults)
        if scaling.additions.model_metrics:
            fields.inner("scaling").reject("metrics", "concurrency or rps; no model runs here")
        return Scenario(
            scaling=scaling,
            container_concurrency=fields.whole("containerConcurrency", 0),
            model=model,
            begin_wall_s=begin_wall_s,
        )
