"""Tells a run as it goes: lines for what happened, and one live line for how things stand."""

import sys
from collections.abc import Callable
from typing import TextIO

from loadtest.core.timeline import PodsSample
from servingkit.clock import monotonic

CLEAR_LINE = "\r\x1b[2K"


def count(number: float, noun: str) -> str:
    """Return `1 pod`, `2 pods`, `1,234 pods`."""
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


class Narrator:
    """Writes to a terminal, or to a file: then without the live line."""

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = monotonic
    ) -> None:
        self._stream = stream or sys.stdout
        self._clock = clock
        self._began_at = clock()
        self._live = self._stream.isatty()
        self._ready_pods = 0
        self.doing = ""
        """What the scenario does now, for the live line."""

    def tell(self, sentence: str) -> None:
        """Write one line with the seconds since the start."""
        clear = CLEAR_LINE if self._live else ""
        self._stream.write(f"{clear}{self._elapsed()}  {sentence}\n")
        self._stream.flush()

    def see(self, sample: PodsSample) -> None:
        """Tell a change of the ready pods; renew the live line."""
        if sample.ready_pods != self._ready_pods:
            self.tell(f"{count(sample.ready_pods, 'pod')} ready  ({sample.reason})")
        self._ready_pods = sample.ready_pods
        if self._live:
            self._stream.write(f"{CLEAR_LINE}{self._elapsed()}  {self._standing(sample)}")
            self._stream.flush()

    def _elapsed(self) -> str:
        return f"{self._clock() - self._began_at:6.1f} s"

    def _standing(self, sample: PodsSample) -> str:
        in_flight = "?" if sample.concurrency is None else f"{sample.concurrency:.1f}"
        desired = "?" if sample.desired_pods is None else sample.desired_pods
        return (
            f"{self.doing} · {in_flight} in flight · pods: {sample.ready_pods} ready, "
            f"{sample.starting_pods} starting, {desired} wanted"
        )
