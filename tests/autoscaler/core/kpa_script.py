"""A small language for scripts of load and the pods that it should bring.

    script = KpaScript(target_value=10)
    script.at(2).sees(concurrency=40).wants(pods=4)

`sees(concurrency=...)` is the load of every second since the last step; `averages` sets both window
averages directly. A wish that is not met fails with all steps so far, in both columns.
"""

from dataclasses import dataclass
from typing import Any, Self

from autoscaler.core.decider import DeciderSpec, Decision, Reading, decide, initial_state
from autoscaler.core.window import Aggregation, Windows

PANIC_WINDOW_S = 6


@dataclass(frozen=True)
class Step:
    """What one step wanted and what it got."""

    at_s: float
    seen: str
    wanted: dict[str, Any]
    got: dict[str, Any]

    def __str__(self) -> str:
        mark = "ok" if self.wanted == self.got else "<--"
        return f"{self.at_s:7g} | {self.seen:30} | {self.wanted!s:30} | {self.got!s:30} {mark}"


class KpaScript:
    def __init__(self, *, ready: int = 1, **spec: Any) -> None:  # noqa: ANN401 -- any field of it
        known: dict[str, Any] = {
            "target_value": 10.0,
            "total_value": spec.get("target_value", 10.0) / 0.75,
            "target_burst_capacity": 0.0,
            "stable_window_s": 60,
            "panic_threshold": 2.0,
            "max_scale_up_rate": 10.0,
            "max_scale_down_rate": 10.0,
        }
        self.spec = DeciderSpec(**(known | spec))
        self._state = initial_state(ready, 0.0)
        self._windows = Windows(Aggregation.LINEAR, self.spec.stable_window_s, PANIC_WINDOW_S)
        self._ready = ready
        self._now = 0.0
        self._filled_to = 0
        self._seen = ""
        self._decision: Decision | None = None
        self._steps: list[Step] = []

    def at(self, now: float, *, ready: int | None = None) -> Self:
        self._now = now
        if ready is not None:
            self._ready = ready
        return self

    def sees(self, *, concurrency: float) -> Self:
        for second in range(self._filled_to, int(self._now) + 1):
            self._windows.record(second, concurrency)
        self._filled_to = int(self._now) + 1
        second = int(self._now)
        windows = self._windows
        reading = Reading(windows.stable_average(second), windows.panic_average(second))
        return self._decide(f"{concurrency:g} in flight", reading)

    def averages(self, *, stable: float, panic: float) -> Self:
        return self._decide(f"averages {stable:g} and {panic:g}", Reading(stable, panic))

    def wants(
        self,
        *,
        pods: int | None = None,
        panic: bool | None = None,
        excess_burst_capacity: int | None = None,
    ) -> Self:
        assert self._decision is not None
        values = {
            "pods": (pods, self._decision.desired_pods),
            "panic": (panic, self._state.panic_at is not None),
            "excess": (excess_burst_capacity, self._decision.excess_burst_capacity),
        }
        wanted = {name: pair[0] for name, pair in values.items() if pair[0] is not None}
        got = {name: values[name][1] for name in wanted}
        self._steps.append(Step(self._now, f"{self._ready} ready, {self._seen}", wanted, got))
        header = f"{'second':>7} | {'sees':30} | {'wanted':30} | got"
        assert wanted == got, "\n".join(["the script failed", header, *map(str, self._steps)])
        return self

    @property
    def panic_at(self) -> float | None:
        return self._state.panic_at

    def _decide(self, seen: str, reading: Reading) -> Self:
        self._seen = seen
        self._decision, self._state = decide(
            self.spec, self._state, reading, self._ready, self._now
        )
        return self
