"""Who sends requests, and when."""

from collections.abc import Callable, Iterator
from functools import partial
from math import ceil
from typing import Protocol

from inflight.simulate.core.agenda import Agenda
from inflight.simulate.core.load import Level, Load
from inflight.simulate.core.service_time import Uniform, exponential

Send = Callable[[], None]

RETRY_AFTER_S = 1.0
"""How long a client waits that was refused, as the answer's Retry-After asks."""


class Clients(Protocol):
    """All who send requests to the revision."""

    def begin(self) -> None:
        """Make the first appointments."""
        ...

    def answered(self) -> None:
        """One request was answered."""
        ...

    def refused(self) -> None:
        """One request was refused."""
        ...


class Strangers:
    """Many people who know nothing of each other: arrivals are a Poisson process."""

    def __init__(self, load: Load, agenda: Agenda, send: Send, uniform: Uniform) -> None:
        self._agenda = agenda
        self._send = send
        self._arrivals = _arrivals(load.levels, uniform)

    def __repr__(self) -> str:
        return "<Strangers>"

    def begin(self) -> None:
        """Wait for the first request."""
        self._expect_next()

    def answered(self) -> None:
        """Whether a request is answered does not change who comes next."""

    def refused(self) -> None:
        """Whoever was refused does not come again."""

    def _arrive(self) -> None:
        self._expect_next()
        self._send()

    def _expect_next(self) -> None:
        arrival = next(self._arrivals, None)
        if arrival is not None:
            self._agenda.at(arrival, self._arrive)


class Users:
    """A number of users that the load sets; each sends its next request after the last answer."""

    def __init__(self, load: Load, agenda: Agenda, send: Send) -> None:
        self._load = load
        self._agenda = agenda
        self._send = send
        self._wanted = 0
        self._present = 0

    def __repr__(self) -> str:
        return f"<Users {self._present} of {self._wanted}>"

    def begin(self) -> None:
        """Plan all changes of the number."""
        for level in self._load.levels:
            self._agenda.at(level.begin_s, partial(self._want, ceil(level.value)))

    def answered(self) -> None:
        """Let the user whose request this was go on, or leave."""
        if self._present > self._wanted:
            self._present -= 1
        else:
            self._send()

    def refused(self) -> None:
        """Let the user try again later."""
        self._agenda.at(self._agenda.now + RETRY_AFTER_S, self.answered)

    def _want(self, users: int) -> None:
        self._wanted = users
        while self._present < users:
            self._present += 1
            self._send()


def _arrivals(levels: tuple[Level, ...], uniform: Uniform) -> Iterator[float]:
    """Yield instants. Poisson arrivals have no memory, so that each level may begin anew."""
    for level in levels:
        if level.value <= 0:
            continue
        mean_s = 1 / level.value
        arrival = level.begin_s + exponential(uniform, mean_s)
        while arrival < level.end_s:
            yield arrival
            arrival += exponential(uniform, mean_s)
