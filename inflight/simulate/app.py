"""Simulates what was asked for, and shows it."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random

from inflight.simulate.core.outcome import Outcome
from inflight.simulate.core.simulation import Chance, simulate
from inflight.simulate.settings import SimulateSettings
from inflight.simulate.summary import summarise
from inflight.simulate.table import write_table
from servingkit.clock import monotonic
from servingkit.config import ConfigError, Problem

Draw = Callable[[Mapping[str, Outcome], Path], None]


def run(settings: SimulateSettings) -> None:
    """Simulate, print the summary, write the files. Raises ConfigError for one that cannot be."""
    draw = None if settings.plot is None else _find_draw(settings.plot)
    _make_folders(settings)
    began_at = monotonic()
    outcomes = {
        name: simulate(scenario, settings.load, _chance(settings.seed))
        for name, scenario in settings.scenarios.items()
    }
    elapsed_s = monotonic() - began_at
    for line in summarise(outcomes):
        sys.stdout.write(f"{line}\n")
    simulated_s = sum(outcome.whole.length_s for outcome in outcomes.values())
    sys.stdout.write(f"\n{simulated_s} s simulated in {elapsed_s:.2f} s\n")
    if settings.csv is not None:
        with _refusing("--csv", settings.csv):
            write_table(outcomes, settings.csv)
    if draw is not None and settings.plot is not None:
        with _refusing("--plot", settings.plot):
            draw(outcomes, settings.plot)


def _make_folders(settings: SimulateSettings) -> None:
    """Make what the files stand in; a long simulation is not to end for want of it."""
    for option, path in (("--csv", settings.csv), ("--plot", settings.plot)):
        if path is not None:
            with _refusing(option, path):
                path.parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def _refusing(option: str, path: Path) -> Iterator[None]:
    """Blame the option for a file that cannot be written."""
    try:
        yield
    except OSError as error:
        problem = Problem(option, str(path), f"a file that can be written ({error.strerror})")
        raise ConfigError([problem]) from error


def _chance(seed: int) -> Chance:
    arrivals = Random(f"{seed} arrivals")  # noqa: S311 -- chance, not a secret
    service_times = Random(f"{seed} service times")  # noqa: S311 -- chance, not a secret
    return Chance(arrivals.random, service_times.random)


def _find_draw(path: Path) -> Draw:
    """Return what draws a picture; before the simulation, so that nobody waits in vain."""
    if find_spec("matplotlib") is None:
        expected = "matplotlib to be there: pip install 'inflight[simulate]'"
        raise ConfigError([Problem("--plot", str(path), expected)])
    from inflight.simulate.plot import draw  # noqa: PLC0415 -- only who wants a picture needs it

    return draw
