"""Two small ports beside the serving one: hooks and orders, and `Stat` for the autoscaler."""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

from queueproxy.core.drain import Drain, DrainPhase
from servingkit.clock import monotonic
from servingkit.core.request_stats import RequestStats
from servingkit.core.stat import Stat, encode_stat
from servingkit.http1.exchange import Exchange

_REPORT_PERIOD_S: Final = 1.0
_MOST_CONCURRENCY: Final = 2**31 - 1


class AdminHandler:
    """The admin port: drains, and the limit on what runs at once.

    `/drain` begins a drain and `/wait-for-drain` answers when it is over. Both are preStop hooks:
    the sidecar's own returns at once, the model's holds its SIGTERM back. `/drain?removed=true`
    says besides that nobody routes here any more. `/container-concurrency?limit=N` changes the
    limit; without `limit` it answers the present one.

    Args:
        drain: what the hooks begin.
        on_drain: called when one has.
        container_concurrency: answers the limit; with a number it is changed before.
    """

    def __init__(
        self,
        drain: Drain,
        on_drain: Callable[[], None],
        container_concurrency: Callable[[int | None], int],
    ) -> None:
        self._drain = drain
        self._on_drain = on_drain
        self._container_concurrency = container_concurrency
        self._waiting: list[Exchange] = []

    def __call__(self, exchange: Exchange) -> None:
        """Take one order."""
        path, _, query = exchange.request.target.partition(b"?")
        if path == b"/drain":
            self._begin_drain(removed=_argument(query, b"removed") == b"true")
            exchange.answer(200)
        elif path == b"/wait-for-drain":
            self._drain.begin(monotonic(), pod_deleted=False)
            self._on_drain()
            self._waiting.append(exchange)
        elif path == b"/container-concurrency":
            self._set_limit(exchange, _argument(query, b"limit"))
        else:
            exchange.answer(404, (), b"/drain, /wait-for-drain or /container-concurrency\n")

    def _begin_drain(self, *, removed: bool) -> None:
        if removed:
            self._drain.removed_from_routes(monotonic())
        else:
            self._drain.begin(monotonic(), pod_deleted=True)
        self._on_drain()

    def _set_limit(self, exchange: Exchange, text: bytes | None) -> None:
        limit = None if text is None else _whole_number(text)
        if limit is not None and not 0 <= limit <= _MOST_CONCURRENCY:
            exchange.answer(400, (), b"limit: expected a whole number, 0 for no limit\n")
        elif limit is not None and exchange.request.method not in {b"PUT", b"POST"}:
            exchange.answer(405, ((b"Allow", b"PUT, POST"),), b"a limit is changed by PUT\n")
        else:
            exchange.answer(200, (), b"%d\n" % self._container_concurrency(limit))

    def release(self) -> None:
        """Answer all who wait, if there is nothing to wait for any more."""
        if self._drain.phase is not DrainPhase.DRAINING:
            waiting, self._waiting = self._waiting, []
            for exchange in waiting:
                exchange.answer(200)


def _argument(query: bytes, name: bytes) -> bytes | None:
    values = parse_qs(query).get(name)
    return values[-1] if values else None


def _whole_number(text: bytes) -> int:
    """Return -1 for what is no number, and for what is far beyond any limit."""
    return int(text) if text.isdigit() and len(text) <= len(str(_MOST_CONCURRENCY)) else -1


class StatsHandler:
    """The stats port: Knative's `Stat` of the last whole second, as protobuf."""

    def __init__(self, pod_name: str, stats: RequestStats, now: float) -> None:
        self._pod_name = pod_name
        self._stats = stats
        self._started_at = self._reported_at = now
        self._message = encode_stat(Stat(pod_name=pod_name))

    def __call__(self, exchange: Exchange) -> None:
        """Answer a scrape."""
        exchange.answer(200, ((b"Content-Type", b"application/protobuf"),), self._message)

    def tick(self, now: float) -> None:
        """Make a new report once a second."""
        period_s = now - self._reported_at
        if period_s < _REPORT_PERIOD_S:
            return
        self._reported_at = now
        report = self._stats.report(now)
        self._message = encode_stat(
            Stat(
                pod_name=self._pod_name,
                average_concurrent_requests=report.average_concurrency,
                average_proxied_concurrent_requests=report.average_proxied_concurrency,
                request_count=report.request_count / period_s,
                proxied_request_count=report.proxied_request_count / period_s,
                process_uptime_s=now - self._started_at,
            )
        )
