"""What came of a simulation: span by span, and as a whole."""

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One second, or several put together."""

    begin_s: int
    """Seconds from the start of the run."""

    length_s: int
    in_flight: float
    """Requests that ran or waited, on average."""

    waiting: float
    """Requests that waited, on average."""

    refused: int
    latencies_s: Sequence[float]
    """Of the requests answered in it, in no order."""

    desired_pods: int
    """Pods at the end of a second; of several seconds the most."""

    ready_pods: int
    starting_pods: int
    terminating_pods: int
    panicking: bool
    reason: str
    """The last decision in words."""

    @property
    def requests(self) -> int:
        """Requests that were answered or refused."""
        return len(self.latencies_s) + self.refused

    def latencies_ms(self, *shares: float) -> list[float | None]:
        """Return the latency that each share of the requests does not exceed; None: no requests."""
        ordered = sorted(self.latencies_s)
        return [_milliseconds(quantile(ordered, share)) for share in shares]


def merge(spans: Sequence[Span]) -> Span:
    """Return spans that follow each other as one."""
    length_s = sum(span.length_s for span in spans)
    return Span(
        begin_s=spans[0].begin_s,
        length_s=length_s,
        in_flight=sum(span.in_flight * span.length_s for span in spans) / length_s,
        waiting=sum(span.waiting * span.length_s for span in spans) / length_s,
        refused=sum(span.refused for span in spans),
        latencies_s=array("d", chain.from_iterable(span.latencies_s for span in spans)),
        desired_pods=max(span.desired_pods for span in spans),
        ready_pods=max(span.ready_pods for span in spans),
        starting_pods=max(span.starting_pods for span in spans),
        terminating_pods=max(span.terminating_pods for span in spans),
        panicking=any(span.panicking for span in spans),
        reason=spans[-1].reason,
    )


def thin(spans: Sequence[Span], most: int) -> Iterator[Span]:
    """Yield at most `most` spans that stand for all of `spans`."""
    step = math.ceil(len(spans) / most)
    for begin in range(0, len(spans), step):
        yield merge(spans[begin : begin + step])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A whole run."""

    seconds: tuple[Span, ...]
    waited: int
    """Requests that waited for a pod and got one."""

    wait_s: float
    """How long all of them together waited."""

    most_waiting: int
    unanswered: int
    """Requests in flight when the run ended."""

    pod_seconds: float
    """How long all pods together existed, starting and ending included."""

    panics: int
    """How often panic began."""

    @cached_property
    def whole(self) -> Span:
        """The run as one span."""
        return merge(self.seconds)

    def latency_ms(self, share: float) -> float | None:
        """Return the latency that a share of the answered requests does not exceed."""
        return _milliseconds(quantile(self._latencies_s, share))

    @property
    def requests(self) -> int:
        """Requests that arrived."""
        return self.whole.requests + self.unanswered

    @cached_property
    def _latencies_s(self) -> list[float]:
        return sorted(self.whole.latencies_s)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the least value that `share` of `ordered` does not exceed; None without values."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
