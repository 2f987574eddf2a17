"""What wrk is told, as Lua, and what it says at the end, as one line of JSON.

wrk's own report rounds latencies; its `done` hook has them in microseconds.
"""

import json
from typing import Final

from loadtest.bench.core.bench_error import BenchError
from loadtest.bench.core.metric import MICROSECONDS
from loadtest.bench.core.seen import Seen

_MARK: Final = "summary "

_DONE: Final = """
done = function(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '\\nsummary {"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "failed": %d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), failed))
end
"""


class WrkOutputError(BenchError):
    """Wrk ended without its summary. `output` is what it said."""

    def __init__(self, output: str) -> None:
        super().__init__(f"wrk gave no summary: {output.strip() or 'no output'}")
        self.output = output


_IDENTIFIER: Final = """
local number = 0
request = function()
  number = number + 1
  wrk.headers["X-Request-Id"] = string.format("%016d", number)
  return wrk.format()
end
"""


def wrk_script(body: str, *, each_has_identifier: bool = False) -> str:
    """Return a script that GETs (empty body) or POSTs `body` as JSON, and prints the summary.

    `each_has_identifier`: each request carries a number of its own, so that no head comes again.
    """
    identifier = _IDENTIFIER if each_has_identifier else ""
    if not body:
        return identifier + _DONE
    return f"""wrk.method = "POST"
wrk.body = {json.dumps(body)}
wrk.headers["Content-Type"] = "application/json"
{identifier}{_DONE}"""


def parse_wrk_output(output: str) -> Seen:
    """Return the summary in wrk's output. Raises WrkOutputError when there is none."""
    for line in output.splitlines():
        if line.startswith(_MARK):
            summary = json.loads(line.removeprefix(_MARK))
            return Seen(
                units=summary["requests"],
                duration_s=summary["duration_us"] / MICROSECONDS,
                p50_ms=summary["p50_us"] / 1000,
                p99_ms=summary["p99_us"] / 1000,
                failed=summary["failed"],
            )
    raise WrkOutputError(output)
