"""Builds the loop on one machine, runs it, and ends it in order.

Autoscaler and local cluster share this process and its event loop, and so does a single activator;
the pods, and activators if there are several, are processes of their own.
"""

import asyncio
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from aiohttp import web

from activator.core.drain import DrainTimes
from autoscaler.app import Autoscaler, Cluster
from autoscaler.config import Config as AutoscalerConfig
from inflight.local.activator_place import ActivatorPlace, activator_hosts
from inflight.local.activator_process import ActivatorSettings
from inflight.local.activator_set import ActivatorSet
from inflight.local.event import Event
from inflight.local.guard_link import GuardLink
from inflight.local.joined_metrics import JoinedMetrics
from inflight.local.local_cluster import LocalCluster
from inflight.local.node import HOST, Node
from inflight.local.output import Output, Row, Started
from inflight.local.own_activator import OwnActivator
from inflight.local.ports import is_address_here, is_free, pod_ports
from inflight.local.route_watch import RouteWatch
from inflight.local.settings import LocalSettings
from servingkit.clock import monotonic
from servingkit.config import ConfigError, Problem
from servingkit.http1.client import HttpClient
from servingkit.http1.engine import Engine

_QUIET_S = 1.0
_ACTIVATOR_GRACE_S = 600.0
_REFUSE_BEFORE_END_S = 10.0
_LAST_TIMES = DrainTimes(hold_s=3.0, grace_s=4.0, quiet_s=0.0)
"""Of the activators when all ends. Their public ports are closed by then, so nobody comes."""
_POD_GRACE_S = 4.0
_TICK_S = 1.0


async def run(settings: LocalSettings, environment: Mapping[str, str], output: Output) -> None:
    """Run everything until SIGINT or SIGTERM, then end it in order; a second signal kills it.

    Raises ConfigError, alone or in a group, for settings that cannot be used, and CancelledError
    after a second signal.
    """
    _check_ports(settings)
    narrator = _Narrator(output)
    with closing(GuardLink()) as guard, _log_directory(settings) as log_directory:
        async with Engine() as engine:
            node = Node(
                client=HttpClient(engine),
                guard=guard,
                ports=pod_ports(),
                environment=environment,
                log_directory=log_directory,
                drain_quiet_s=settings.endpoint_lag_s + _QUIET_S,
                report=narrator.tell,
            )
            await _Loop(settings, engine, node, narrator).run(_stop_at_signals())


class _Narrator:
    """Passes on what happens with the time since the start, and nothing before the addresses."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._began_at = monotonic()
        self._before_start: list[tuple[Event, float]] | None = []

    def tell(self, event: Event) -> None:
        """Show an event, or keep it until the addresses have been shown."""
        at_s = monotonic() - self._began_at
        if self._before_start is not None:
            self._before_start.append((event, at_s))
        else:
            self._output.show_event(event, at_s)

    def start(self, started: Started) -> None:
        """Show the addresses, then what happened meanwhile."""
        self._output.show_start(started)
        for event, at_s in self._before_start or ():
            self._output.show_event(event, at_s)
        self._before_start = None

    def tick(self, rows: Sequence[Row]) -> None:
        """Show how all revisions stand."""
        self._output.show_tick(rows, monotonic() - self._began_at)


class _Loop:
    """Autoscaler, activator and cluster, wired."""

    def __init__(
        self, settings: LocalSettings, engine: Engine, node: Node, narrator: _Narrator
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._node = node
        self._narrator = narrator
        self._cluster = cluster = LocalCluster(settings, node)
        self._metrics = JoinedMetrics(node.client, lambda: self._autoscaler.metrics_port)
        self._autoscaler = Autoscaler(
            AutoscalerConfig(
                listen_host=HOST,
                stat_port=0,
                api_port=settings.api_port,
                metrics_port=0,
                defaults=settings.defaults,
                defaults_source=settings.defaults_source,
            ),
            Cluster(
                revisions=cluster,
                pods=cluster,
                scale=cluster,
                public_endpoints=cluster,
                activators=cluster,
                states=cluster,
            ),
            [web.get("/metrics", self._metrics.serve)],
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Start all in the order of need, and end it in the order of a request."""
        async with asyncio.TaskGroup() as programs:
            pods = await _start(programs, self._cluster.run)
            scaling = await _start(programs, self._autoscaler.run)
            activators = self._build_activators()
            holding = await _start(programs, activators.run)
            ticking = programs.create_task(self._tick(activators))
            watching = programs.create_task(self._watch_routes())
            self._show_start()

            await stop.wait()
            self._cluster.stop_accepting()
            activators.stop(_LAST_TIMES)
            await asyncio.wait([holding])
            scaling.cancel()
            self._cluster.stop(_POD_GRACE_S)
            await asyncio.wait([pods])
            ticking.cancel()
            watching.cancel()

    def _build_activators(self) -> OwnActivator | ActivatorSet:
        cluster = self._cluster
        settings = ActivatorSettings(
            autoscaler_url=f"ws://{HOST}:{self._autoscaler.stat_port}",
            grace_period_s=_ACTIVATOR_GRACE_S,
            refuse_before_end_s=_REFUSE_BEFORE_END_S,
            drain_quiet_s=self._node.drain_quiet_s,
        )
        hosts = activator_hosts(self._settings.activators)
        if len(hosts) == 1:
            return OwnActivator(settings, self._engine, cluster, self._set_activators)
        activators = ActivatorSet(hosts, settings, self._node, cluster.view, self._set_activators)
        cluster.on_pods_change(activators.cluster_changed)
        cluster.on_routes_change(activators.cluster_changed)
        cluster.any_activator_behind = activators.any_behind
        return activators

    def _set_activators(self, activators: tuple[ActivatorPlace, ...]) -> None:
        """Take which activators are ready."""
        self._metrics.activators = activators
        self._cluster.set_activators(activators)

    def _show_start(self) -> None:
        urls = {revision: self._cluster.url(revision) for revision in self._cluster.revisions()}
        api = f"http://{HOST}:{self._autoscaler.api_port}"
        self._narrator.start(Started(api=api, urls=urls, gateway=self._cluster.gateway_url()))

    async def _watch_routes(self) -> None:
        revisions = self._cluster.revisions().keys()
        files = self._settings.files
        await RouteWatch(files, revisions, self._cluster, self._node.report).run()

    async def _tick(self, activators: OwnActivator | ActivatorSet) -> None:
        """Show how all revisions stand, each second."""
        while True:
            await asyncio.sleep(_TICK_S)
            rows = [
                Row(
                    status=status,
                    held_requests=activators.held_requests(revision),
                    url=self._cluster.url(revision),
                )
                for revision in self._cluster.revisions()
                if (status := self._autoscaler.status(revision)) is not None
            ]
            self._narrator.tick(rows)


async def _start(
    programs: asyncio.TaskGroup, program: Callable[[asyncio.Event], Coroutine[None, None, None]]
) -> asyncio.Task[None]:
    """Start a program as a task and return when it says that it has started."""
    started = asyncio.Event()
    task = programs.create_task(program(started))
    await started.wait()
    return task


def _stop_at_signals() -> asyncio.Event:
    """Return an event that the first SIGINT or SIGTERM sets; the next one cancels this task."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return stop


def _check_ports(settings: LocalSettings) -> None:
    """Raise ConfigError for ports and addresses that cannot be had, before anything starts."""
    ports = [(revision.port_key, revision.port) for revision in settings.revisions]
    ports.append(("--api-port", settings.api_port))
    ports.append(("gatewayPort", settings.gateway_port or 0))
    problems = [
        Problem(key, str(port), "a port that nobody listens on")
        for key, port in ports
        if port and not is_free(port)
    ]
    missing = [host for host in activator_hosts(settings.activators) if not is_address_here(host)]
    if missing:
        expected = (
            f"so few that each has an address of its own; {', '.join(missing)} cannot be listened "
            "on (Linux has all of 127.0.0.0/8, macOS needs `ifconfig lo0 alias ADDRESS`)"
        )
        problems.append(Problem("--activators", str(settings.activators), expected))
    if problems:
        raise ConfigError(problems)


@contextmanager
def _log_directory(settings: LocalSettings) -> Iterator[Path]:
    if settings.log_directory is None:
        with tempfile.TemporaryDirectory(prefix="inflight-local-") as directory:
            yield Path(directory)
    else:
        try:
            settings.log_directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            expected = f"a folder that is there, or can be made ({error.strerror})"
            problem = Problem("--log-dir", str(settings.log_directory), expected)
            raise ConfigError([problem]) from error
        yield settings.log_directory
