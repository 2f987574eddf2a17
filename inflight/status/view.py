"""What `inflight status` shows to people."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoscaler.status import DecisionStatus, RevisionDetail
from inflight.revision_table import Line, number, revisions_table, state
from inflight.status.api_client import RevisionList

_BARS: Final = "▁▂▃▄▅▆▇█"
_UNKNOWN_BAR: Final = "·"
_MOST_BARS: Final = 60


def list_view(listed: RevisionList) -> Group:
    """Return all revisions with one sentence each."""
    if not listed.revisions:
        return Group(Text("no revision is being scaled"))
    lines = [
        Line(name=Text(f"{status.namespace}/{status.name}", style="bold"), status=status)
        for status in listed.revisions
    ]
    parts: list[RenderableType] = [revisions_table(lines)]
    parts += (Text(f"{one.namespace}/{one.name}: {one.reason}") for one in listed.revisions)
    if listed.total > len(listed.revisions):
        more = f"the first {len(listed.revisions)} of {listed.total}"
        parts.append(Text(more, style="dim"))
    return Group(*parts)


def detail_view(detail: RevisionDetail) -> Group:
    """Return all that is known of one revision."""
    windows = detail.windows
    unit = "requests a second" if detail.metric == "rps" else "in flight"
    seconds = windows.requests_per_second if detail.metric == "rps" else windows.concurrency
    heading = Text.assemble(
        (f"{detail.namespace}/{detail.name}", "bold"),
        f"  {detail.phase}, {detail.mode} mode, ",
        state(detail),
    )
    facts = Table.grid(padding=(0, 2))
    facts.add_row("why", Text(detail.reason))
    facts.add_row("pods", _pods(detail))
    facts.add_row(
        unit,
        f"{number(detail.stable_value)} over {windows.stable_window_s} s, "
        f"{number(detail.panic_value)} over {windows.panic_window_s} s; "
        f"target {detail.target_value:g} a pod",
    )
    facts.add_row(f"last {len(seconds)} s", _spark(seconds))
    for name, value in _extras(detail.decisions[-1]) if detail.decisions else ():
        facts.add_row(Text(name), value)
    for sentence in detail.unknown_annotations:
        facts.add_row("unknown", Text(sentence))
    decisions = Table(box=SIMPLE_HEAD, title="decisions", title_justify="left", title_style="bold")
    decisions.add_column("at")
    decisions.add_column("pods", justify="right")
    decisions.add_column("why")
    for cells in _decisions(detail.decisions):
        decisions.add_row(*cells)
    return Group(heading, facts, decisions)


def event_sentence(event: dict[str, object]) -> str:
    """Return one entry of the journal as a line."""
    facts = event.get("facts")
    facts = facts if isinstance(facts, dict) else {}
    shown = " ".join(f"{name}={value}" for name, value in facts.items())
    what = f"{event.get('namespace')}/{event.get('revision')} {event.get('name')}"
    return f"{clock(event.get('at_s'))} {what}{' ' if shown else ''}{shown}: {event.get('reason')}"


def clock(at_s: object) -> str:
    """Return the time of day where we are."""
    if not isinstance(at_s, int | float):
        return "?"
    return dt.datetime.fromtimestamp(at_s, tz=dt.UTC).astimezone().strftime("%H:%M:%S")


def _extras(latest: DecisionStatus) -> Iterator[tuple[str, str]]:
    """Return what a revision with more than the plain settings has to show."""
    for measure in latest.measures:
        averages = f"{number(measure.stable_value)}, {number(measure.panic_value)}"
        target = f"target {measure.target_value:g} a pod"
        yield measure.metric, f"{averages} over the same windows; {target}"
    for metric in latest.silent_metrics:
        yield metric, "nothing is known"
    expected = latest.prediction
    if expected is not None:
        what = f"{number(expected.value)} in {expected.horizon_s:g} s, for {expected.pods} pods"
        yield "expected", f"{what} ({expected.mode})"


def _pods(detail: RevisionDetail) -> str:
    desired = "?" if detail.desired_pods is None else detail.desired_pods
    return (
        f"{desired} desired, {detail.ready_pods} ready, {detail.starting_pods} starting, "
        f"{detail.terminating_pods} ending"
    )


def _spark(seconds: Sequence[float | None]) -> Text:
    """Return the seconds as bars; long windows have several seconds in one."""
    width = max(1, -(-len(seconds) // _MOST_BARS))
    groups = [seconds[at : at + width] for at in range(0, len(seconds), width)]
    known = [[value for value in group if value is not None] for group in groups]
    peaks = [max(values) if values else None for values in known]
    most = max((peak for peak in peaks if peak is not None), default=0.0)
    return Text("".join(_bar(peak, most) for peak in peaks) + f"\nup to {most:.1f}")


def _bar(value: float | None, most: float) -> str:
    if value is None:
        return _UNKNOWN_BAR
    return _BARS[round(max(0.0, value) / most * (len(_BARS) - 1))] if most > 0 else _BARS[0]


def _decisions(decisions: Sequence[DecisionStatus]) -> Iterator[tuple[str, str, Text]]:
    for decision in decisions:
        change = f"{decision.asked_pods} → {decision.desired_pods}"
        same = decision.asked_pods == decision.desired_pods
        pods = str(decision.desired_pods) if same else change
        yield clock(decision.at_s), pods, Text(decision.reason)
