"""The results as a page of Markdown."""

from typing import Final

from loadtest.bench_autoscaler.core.results import Metric, Results
from loadtest.core.markdown import fact_table, number, table, versions_in_words

_KEPT_UP_RATIO: Final = 0.95
"""With less of the work done than this the CPU for it says nothing."""

_METHOD: Final = """\
Each program runs alone on one core; what drives it has the others. CPU is the user and system time
of its process over the measured seconds, after a warm-up. Each number is the median of the rounds.

- *Decisions*: the multiscaler over revisions with two ready pods and load, each decided every two
  seconds. Their reports are made up in the same process; what that costs is measured and taken off.
  Memory is what the process has grown by since before the first revision, divided by their number.
- *Pokes*: an activator's stat for an idle revision goes over a websocket while all the others are
  being decided. The time ends when the cluster is asked for the pod.
- *Stats*: activators send a frame each second with a stat of every revision. Ours adds them to the
  revisions' windows; the other servers decode the same frames and forget them.
- *Scrapes*: every pod has an address of its own and is asked each second over a kept connection,
  two pods a revision. Ours adds the answers to the windows; aiohttp's client decodes and forgets
  them."""

_RUN: Final = """\
Run it with `make bench-autoscaler`; `BENCH_ARGS=--quick` takes a minute and proves little."""


def page(results: Results, picture: str) -> str:
    """Return the page; `picture` is the name of the picture's file."""
    parts = [
        "# Benchmarks of the autoscaler",
        "Written by `python -m loadtest.bench_autoscaler`; changes by hand are lost.",
        f"![CPU for decisions, stats and scrapes]({picture})",
        "## Aims",
        _aims(results),
        "## Decisions",
        _decisions(results),
        "## Stats over websockets",
        _units(results, "receive", "stat"),
        "## Pods scraped",
        _units(results, "scrape", "scrape"),
        "## How it was measured",
        _METHOD,
        _circumstances(results),
        "## Again",
        _RUN,
    ]
    return "\n\n".join(parts) + "\n"


def growth(results: Results) -> float | None:
    """Return by how much more than its share the CPU grows from the fewest revisions to the most.

    1: the CPU grows as the number of revisions does.
    """
    few, many = results.revisions[0], results.revisions[-1]
    least = results.value(f"decide {few}", Metric.CORES)
    most = results.value(f"decide {many}", Metric.CORES)
    return most / least / (many / few) if least and most else None


def _aims(results: Results) -> str:
    many = results.revisions[-1]
    cores = (
        (f"{many:,} revisions decided every 2 s", f"decide {many}", many / 2),
        (
            f"{results.stats_per_second:,} stats/s received",
            "receive inflight",
            results.stats_per_second,
        ),
        (f"{results.pods:,} pods scraped each second", "scrape inflight", results.pods),
    )
    rows = [
        _aim(text, results.value(name, Metric.CORES), 0.5, "cores", note=_note(results, name, rate))
        for text, name, rate in cores
    ]
    aims = [
        (
            "memory for each revision",
            results.value(f"decide {many}", Metric.REVISION_KIB),
            40,
            "KiB",
        ),
        (f"poke beside {many:,} revisions, p99", results.value("poke", Metric.P99_MS), 20, "ms"),
        ("growth of CPU over growth of revisions", growth(results), 1.2, "x"),
    ]
    rows += (_aim(text, value, most, unit) for text, value, most, unit in aims)
    return table(["", "aim", "measured", ""], rows)


def _aim(text: str, value: float | None, most: float, unit: str, note: str = "") -> list[str]:
    verdict = note or _verdict(value, most)
    return [text, f"≤ {most:g} {unit}", number(value, f"{{:.2f}} {unit}"), verdict]


def _note(results: Results, name: str, rate: float) -> str:
    """Return what to say instead of a verdict when the work was not all done."""
    done = results.value(name, Metric.PER_SECOND)
    if done is None or done >= _KEPT_UP_RATIO * rate:
        return ""
    return f"**not kept up**: {done:,.0f} a second of {rate:,.0f}"


def _verdict(value: float | None, most: float) -> str:
    if value is None:
        return "not measured"
    return "met" if value <= most else "**not met**"


def _decisions(results: Results) -> str:
    rows = []
    for revisions in results.revisions:
        name = f"decide {revisions}"
        rows.append(
            [
                f"{revisions:,}",
                number(results.value(name, Metric.CORES), "{:.3f}"),
                number(results.value(name, Metric.CPU_US), "{:.1f}"),
                number(results.value(name, Metric.PER_SECOND), "{:,.0f}"),
                number(results.value(name, Metric.REVISION_KIB), "{:.1f}"),
            ]
        )
    head = ["revisions", "cores", "µs a decision", "decisions/s", "KiB a revision"]
    poke = (
        f"{results.pokes} pokes beside {results.revisions[-1]:,} revisions: "
        f"p50 {number(results.value('poke', Metric.P50_MS), '{:.1f}')} ms, "
        f"p99 {number(results.value('poke', Metric.P99_MS), '{:.1f}')} ms, "
        f"{number(results.value('poke', Metric.LOST), '{:.0f}')} lost."
    )
    return f"{table(head, rows)}\n\n{poke}"


def _units(results: Results, case: str, unit: str) -> str:
    rows = [
        [
            f"`{name.removeprefix(case + ' ')}`",
            number(results.value(name, Metric.CORES), "{:.3f}"),
            number(results.value(name, Metric.CPU_US), "{:.1f}"),
            number(results.value(name, Metric.PER_SECOND), "{:,.0f}"),
            number(results.value(name, Metric.LOST), "{:,.0f}"),
        ]
        for name in results.measured
        if name.startswith(case + " ")
    ]
    return table(["", "cores", f"µs a {unit}", f"{unit}s/s", "failed"], rows)


def _circumstances(results: Results) -> str:
    facts = {
        "Date": results.date,
        **results.machine,
        "Versions": versions_in_words(results.versions),
        "Rounds": f"{results.rounds}, each measurement {results.seconds:g} s after the warm-up",
        "Activators": str(results.activators),
    }
    return fact_table(facts)
