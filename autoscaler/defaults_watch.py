"""Follows the file of defaults while the autoscaler runs.

It looks every few seconds whether the file is another one: that works for a ConfigMap's mount, for
an editor's rename and over a network, and needs no watch to be kept. What cannot be used changes
nothing: the last good defaults stay in force, an error names every bad key, and the metric
`inflight_autoscaler_config_valid` is 0 until the file can be used again.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autoscaler.core.defaults import Defaults
from autoscaler.defaults_source import DefaultsSource, Fingerprint
from servingkit.config import ConfigError, Problem

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 2.0


class DefaultsWatch(Collector):
    """The defaults in force, and what is wrong with those that should be."""

    def __init__(self, defaults: Defaults, source: DefaultsSource | None) -> None:
        """Begin with `defaults`; without a `source` they stay."""
        self.defaults = defaults
        self.problems: tuple[Problem, ...] = ()
        """What is wrong with the file as it is now. Empty: nothing."""

        self._source = source
        self._callbacks: list[Callable[[Defaults], None]] = []
        self._seen: Fingerprint | None = None

    def __repr__(self) -> str:
        return f"<DefaultsWatch of {self._source!r}, {len(self.problems)} problems>"

    def on_change(self, callback: Callable[[Defaults], None]) -> None:
        """Call back with new defaults. Must not raise and must not wait."""
        self._callbacks.append(callback)

    async def run(self) -> None:
        """Look until cancelled; returns at once if there is nothing to look at."""
        while self._source is not None:
            self._look(self._source)
            await asyncio.sleep(_LOOK_EVERY_S)

    def as_json(self) -> dict[str, object]:
        """Return what the control API tells."""
        return {
            "valid": not self.problems,
            "path": str(self._source.path) if self._source else None,
            "problems": [
                {"key": problem.key, "value": problem.value, "expected": problem.expected}
                for problem in self.problems
            ],
        }

    def collect(self) -> Iterator[Metric]:
        """Return the gauge of Prometheus."""
        yield GaugeMetricFamily(
            "inflight_autoscaler_config_valid",
            "1: the defaults are those of the file; 0: it cannot be used, and the last good stay",
            value=not self.problems,
        )

    def _look(self, source: DefaultsSource) -> None:
        fingerprint = source.fingerprint()
        if fingerprint == self._seen:
            return
        self._seen = fingerprint
        try:
            defaults = source.read()
        except ConfigError as error:
            if error.problems != self.problems:
                facts = {"path": str(source.path), "problems": str(error)}
                _log.error("config refused", extra=facts)
            self.problems = error.problems
            return
        was_refused, self.problems = bool(self.problems), ()
        if defaults != self.defaults:
            self.defaults = defaults
            for callback in self._callbacks:
                callback(defaults)
        elif not was_refused:
            return
        _log.info("config read", extra={"path": str(source.path)})
