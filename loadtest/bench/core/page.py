"""The benchmark's results as a page of Markdown."""

from typing import Final

from loadtest.bench.core.aim import AIMS
from loadtest.bench.core.metric import Metric
from loadtest.bench.core.names import EVENTS, GO, IDLE, NGINX, OURS, OURS_COMPILED, OURS_LIMITED
from loadtest.bench.core.results import Results
from loadtest.core.markdown import fact_table, number, table, versions_in_words

_METHOD: Final = """\
Each proxy runs on one core of its own, in turn, before the same upstream; the load generator
and the upstream have the other cores. A proxy is started anew for each measurement and warmed up
first. Each case goes through all proxies before the next round begins, and each number is the
median of the rounds, so that a disturbance of the machine hits all of them alike. Compare ratios:
the absolute numbers are those of one small machine.

- *CPU* is the user and system time of all processes of the proxy, divided by the requests (or
  events) that came through. *Spread* is how far apart the rounds were. Where it is large, others
  used the machine at the same time, and the ratios are worth little.
- Latencies are those of a closed loop, in which each connection has one request in flight. A proxy
  that serves more requests a second is also under more load while its latency is taken.
- A client sends the same head with each request in all cases but the one that says otherwise, as
  real clients do unless something gives each request an identifier; our engine reads a head that it
  knows no second time (docs/decisions/0006).
- An event is late by the time from its writing by the upstream to its reading by the client.
- *RSS* is taken at the end of the measurement. Idle connections have had one request each."""

_RUN: Final = """\
Run it with `make bench`, which needs `wrk` and `nginx` (`apt-get install wrk nginx haproxy`), or
`python -m loadtest.bench --help` for a part of it. `python -m loadtest.bench.path` counts calls and
instructions of one request on our side, which another's load on the machine does not change."""

_COLUMNS: Final = (
    (Metric.PER_SECOND, "{:,.0f}"),
    (Metric.P50_MS, "{:.2f}"),
    (Metric.P99_MS, "{:.2f}"),
    (Metric.RSS_MIB, "{:.1f}"),
)


def page(results: Results, picture: str) -> str:
    """Return the page; `picture` is the name of the picture's file."""
    parts = [
        "# Benchmarks",
        "Written by `python -m loadtest.bench`; changes by hand are lost.",
        f"![CPU of each proxy, relative to nginx]({picture})",
        "## Aims",
        _aims(results),
        "## How it was measured",
        _METHOD,
        _circumstances(results),
        "## Proxies",
        _proxies(results),
        *(_case(results, name) for name in results.measured if name != IDLE),
        *([_idle(results)] if IDLE in results.measured else []),
        "## Again",
        _RUN,
    ]
    return "\n\n".join(parts) + "\n"


def _aims(results: Results) -> str:
    peers = [peer for peer in (OURS, OURS_LIMITED, OURS_COMPILED) if peer in results.peers]
    rows = (
        [aim.text, f"≤ {aim.most:g} {aim.unit}", *(aim.verdict(results, peer) for peer in peers)]
        for aim in AIMS
    )
    return table(["", "aim", *(f"`{peer}`" for peer in peers)], rows)


def _circumstances(results: Results) -> str:
    facts = {
        "Date": results.date,
        **results.machine,
        "Versions": versions_in_words(results.versions),
        "Rounds": f"{results.rounds}, each of {results.seconds:g} s after the warm-up",
    }
    return fact_table(facts)


def _proxies(results: Results) -> str:
    lines = [f"- `{name}`: {description}" for name, description in results.peers.items()]
    lines += [f"- `{name}`: not measured, {reason}" for name, reason in results.skipped.items()]
    return "\n".join(lines)


def _case(results: Results, case: str) -> str:
    is_events = case == EVENTS
    unit, latency = ("event", "late ") if is_events else ("request", "")
    head = ["", f"CPU µs per {unit}", "spread", "x nginx", "x Go", f"{unit}s/s"]
    head += [f"{latency}p50 ms", f"{latency}p99 ms", "RSS MiB"]
    rows = [_row(results, case, peer) for peer in results.measured[case]]
    parts = [f"## {results.cases[case]}", table(head, rows), *_failures(results, case)]
    return "\n\n".join(parts)


def _row(results: Results, case: str, peer: str) -> list[str]:
    return [
        f"`{peer}`",
        number(results.value(case, peer, Metric.CPU_US), "{:.1f}"),
        number(results.value(case, peer, Metric.CPU_SPREAD_PERCENT), "{:.0f} %"),
        number(results.ratio(case, peer, NGINX, Metric.CPU_US), "{:.2f}"),
        number(results.ratio(case, peer, GO, Metric.CPU_US), "{:.2f}"),
        *(number(results.value(case, peer, metric), form) for metric, form in _COLUMNS),
    ]


def _failures(results: Results, case: str) -> list[str]:
    what = "streams" if case == EVENTS else "requests"
    failed = {peer: results.value(case, peer, Metric.FAILED) for peer in results.measured[case]}
    return [f"`{peer}`: {count:,.0f} {what} failed." for peer, count in failed.items() if count]


def _idle(results: Results) -> str:
    rows = [
        [
            f"`{peer}`",
            number(results.value(IDLE, peer, Metric.IDLE_MIB), "{:.1f}"),
            number(results.value(IDLE, peer, Metric.CONNECTION_KIB), "{:.1f}"),
        ]
        for peer in results.measured[IDLE]
    ]
    head = ["", "RSS MiB", "KiB per idle connection"]
    return f"## {results.cases[IDLE]}\n\n{table(head, rows)}"
