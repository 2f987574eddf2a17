"""Many models in one process: a port for each, which counts, and notes when what came and went.

Orders come as JSON lines on standard input, and each is answered with a line on standard output:

- `{"listen": [PORT, …], "mean_s": S, "times": "fixed"}`: open these ports, in this order; each
  request takes S seconds, or a random time with this mean: `uniform` from half of it to one and a
  half, or `exponential`. Answers when they listen.
- `{"report": true}`: answers with what every port has seen since the last report.

Times are monotonic seconds of this machine. It ends with its standard input.
"""

import asyncio
import json
import random
import sys
from typing import Any, Final

import uvloop

from loadtest.bench.connection import HOST
from servingkit.clock import monotonic
from servingkit.http1.core.message import AnswerHead
from servingkit.http1.engine import Engine
from servingkit.http1.exchange import Exchange
from servingkit.http1.watcher import AttemptFailure

_ANSWER: Final = b'{"predictions":[0,2]}'
_SEED: Final = 20_240_229


class Model:
    """One port (the engine's `Service`)."""

    def __init__(self, mean_s: float, times: str, lots: random.Random) -> None:
        self.began_at = monotonic()
        self.running = 0
        self.peak = 0
        self.arrivals: list[float] = []
        self.ends: list[float] = []
        self._mean_s = mean_s
        self._times = times
        self._lots = lots

    def __call__(self, exchange: Exchange) -> None:
        """Compute for a while."""
        self.running += 1
        self.peak = max(self.peak, self.running)
        self.arrivals.append(monotonic())
        exchange.watcher = _Running(self)
        asyncio.get_running_loop().call_later(self._seconds(), exchange.answer, 200, (), _ANSWER)

    def ended(self) -> None:
        """Note the end of a request, or that its client has left."""
        self.running -= 1
        self.ends.append(monotonic())

    def report(self) -> dict[str, object]:
        """Return what was seen, and forget it."""
        seen = {
            "began_at": self.began_at,
            "peak": self.peak,
            "arrivals": self.arrivals,
            "ends": self.ends,
        }
        self.peak, self.arrivals, self.ends = self.running, [], []
        return seen

    def _seconds(self) -> float:
        match self._times:
            case "exponential":
                return self._lots.expovariate(1.0 / self._mean_s)
            case "uniform":
                return self._mean_s * self._lots.uniform(0.5, 1.5)
            case _:
                return self._mean_s


class _Running:
    """The watcher of one request. Nothing is forwarded, so it hears of the end alone."""

    __slots__ = ("_model",)

    def __init__(self, model: Model) -> None:
        self._model = model

    def answer_started(self, head: AnswerHead) -> bool:
        """Never called."""
        del head
        return True

    def attempt_failed(self, failure: AttemptFailure) -> None:
        """Never called."""

    def upstream_done(self) -> None:
        """Never called."""

    def timed_out(self) -> None:
        """Never called: no limit was set."""

    def ended(self) -> None:
        """Tell the model."""
        self._model.ended()


async def run() -> None:
    """Do as ordered until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    models: dict[int, Model] = {}
    lots = random.Random(_SEED)  # noqa: S311 -- no secret, the same in each run
    async with Engine() as engine:
        while line := await reader.readline():
            order: dict[str, Any] = json.loads(line)
            answer: dict[str, object] = {}
            for port in order.get("listen", ()):
                models[port] = Model(order["mean_s"], order["times"], lots)
                await engine.listen(models[port], HOST, port)
            if "report" in order:
                answer = {str(port): model.report() for port, model in models.items()}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(run())
