"""The iris scenario: 0 pods, a first request that is held, out under load, back to 0.

It starts `inflight local` with iris on KServe's model server, tells what happens, and judges it.
"""

import asyncio
import shlex
from pathlib import Path

import aiohttp

from loadtest.core.timeline import Request
from loadtest.core.verdict import Observed, broken_promises
from loadtest.demo_plan import LEAST_PODS, MOST_PODS, DemoPlan
from loadtest.iris.flowers import read_flowers
from loadtest.iris.question import PATH, Question
from loadtest.load import run_load
from loadtest.local import LocalRevision, first_pod_start_s, inflight_local
from loadtest.narrator import Narrator, count
from loadtest.pods_watch import PodsWatch
from loadtest.report import Run, summarise, write_report
from servingkit.clock import monotonic

FIRST_SAMPLE_WITHIN_S = 10.0
FIRST_ANSWER_WITHIN_S = 60.0


class Demo:
    """One run of the scenario. Everything it starts ends with `run`."""

    def __init__(self, plan: DemoPlan, out: Path, narrator: Narrator) -> None:
        self._plan = plan
        self._out = out
        self._narrator = narrator

    async def run(self) -> int:
        """Run all of it; return 0 if every promise was kept, else 1. Raises ChildError."""
        began_at = monotonic()
        arguments = tuple(self._plan.arguments())
        self._narrator.tell(f"inflight local {shlex.join(arguments)}")
        async with inflight_local(arguments, self._out) as revision:
            watch = PodsWatch(revision.api, revision.revision, self._narrator.see)
            async with asyncio.TaskGroup() as group:
                background = (
                    group.create_task(revision.must_run(), name="inflight local"),
                    group.create_task(watch.run(), name="pods watch"),
                )
                observed = await self._play(revision, watch)
                for task in background:
                    task.cancel()
        self._report(observed, began_at)
        return self._judge(observed)

    async def _play(self, revision: LocalRevision, watch: PodsWatch) -> Observed:
        """Go through the scenario's parts in order."""
        narrator, plan = self._narrator, self._plan
        narrator.doing = "at rest"
        await watch.until(lambda _: True, FIRST_SAMPLE_WITHIN_S)

        narrator.tell(f"one request is sent to {revision.url}; it is held until a pod is ready")
        narrator.doing = "first request is held"
        first = await ask(revision.url)
        narrator.tell(_first_in_words(first, first_pod_start_s(self._out)))

        narrator.tell(f"load: up to {count(plan.ramp.peak_users, 'user')} at once")
        narrator.doing = "load"
        load = await run_load("iris", "ramp", revision.url, self._out, plan.environ())
        narrator.tell(f"load ended: {summarise(load)}")

        window, grace = f"{plan.stable_window_s} s window", f"{plan.grace_period_s} s grace period"
        narrator.tell(f"now the pods may go: {window}, and up to {grace} for the last")
        narrator.doing = "waiting for 0 pods"
        await watch.until(lambda sample: sample.pods == 0, plan.zero_within_s())
        return Observed(first=first, load=load, samples=tuple(watch.samples))

    def _report(self, observed: Observed, began_at: float) -> None:
        run = Run(
            title="iris on KServe's model server, scaled by Inflight",
            began_at=began_at,
            ended_at=monotonic(),
            requests=(observed.first, *observed.load),
            samples=observed.samples,
        )
        table, picture = write_report(run, self._out)
        self._narrator.tell(f"picture: {picture}")
        self._narrator.tell(f"table:   {table}")
        for setting in self._plan.settings():
            described = f"{setting.option} {setting.value} (default: {setting.default})"
            self._narrator.tell(f"not as by default: {described}")

    def _judge(self, observed: Observed) -> int:
        broken = tuple(broken_promises(observed, least_pods=LEAST_PODS, most_pods=MOST_PODS))
        for sentence in broken:
            self._narrator.tell(f"FAILED: {sentence}")
        if broken:
            return 1
        requests = count(len(observed.load) + 1, "request")
        pods = f"0, {observed.peak_pods()}, 0 pods"
        self._narrator.tell(f"OK: {pods}, and none of {requests} failed")
        return 0


async def ask(url: str) -> Request:
    """Ask the iris model one question and wait for the answer."""
    question = Question(read_flowers()[::15])
    timeout = aiohttp.ClientTimeout(total=FIRST_ANSWER_WITHIN_S)
    began_at = monotonic()
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url + PATH, json=question.payload()) as answer,
        ):
            fault = question.fault_in(answer.status, await answer.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        fault = str(error) or repr(error)
    return Request(began_at, monotonic(), fault)


def _first_in_words(first: Request, pod_start_s: float | None) -> str:
    took_s = first.ended_at - first.began_at
    if first.failure:
        return f"the first request failed after {took_s:.1f} s: {first.failure}"
    answered = f"the first request was answered after {took_s:.1f} s"
    if pod_start_s is None:
        return answered
    return f"{answered}, of which the pod took {pod_start_s:.1f} s to start"
