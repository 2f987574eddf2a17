"""A cache of one kind of objects that follows the API server: list once, then watch.

It goes on from where a watch ended (time-out of the server, cut connection, API server away), and
lists anew only when it is told that its version is too old (410). While the API server is away the
cache stays as it was, and the tries are spaced out; the first failure and the recovery are logged,
the ones between are not.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple

import msgspec

from servingkit.clock import monotonic
from servingkit.cluster.kubernetes.api import ApiClient, ApiError, Status, decode, describe
from servingkit.cluster.kubernetes.core.objects import ApiObject, ObjectT
from servingkit.cluster.kubernetes.core.resource import Resource, Verb

_log = logging.getLogger(__name__)

_SILENCE_S: Final = 120.0
"""A watch that is silent for so long is begun anew, in case its connection is dead.

There is nothing wrong with silence: bookmarks come about each minute, but not from the first on.
"""

_SHORT_WATCH_S: Final = 1.0

_GO_ON_AFTER: Final = frozenset((0, 429, 503))
"""Failures that say nothing about our version: no answer, too many requests, not now."""

_LEAST_WATCH_S: Final = 240
_MOST_WATCH_S: Final = 300


class Key(NamedTuple):
    """Which object of a kind."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class BackOff:
    """Pauses between failed tries: they double from `first_s` to `longest_s`, and are jittered."""

    first_s: float = 0.2
    longest_s: float = 30.0

    def pauses_s(self) -> Iterator[float]:
        """Yield the pauses after the first, second, … failure in a row."""
        pause_s = self.first_s
        while True:
            yield pause_s * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret
            pause_s = min(pause_s * 2, self.longest_s)


OnObject = Callable[[Key], None]
"""Told which object was made, changed or deleted, after the cache shows it. Must not raise."""


class _WatchEvent(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Reflector(Generic[ObjectT]):
    """Objects of one kind, in one namespace or all, with some labels or all."""

    def __init__(
        self,
        api: ApiClient,
        kind: type[ObjectT],
        resource: Resource,
        *,
        namespace: str = "",
        selector: str = "",
        back_off: BackOff = BackOff(),
    ) -> None:
        self._objects: dict[Key, ObjectT] = {}
        self.objects: Mapping[Key, ObjectT] = self._objects
        """What there is, as of the last event."""

        self.synced = asyncio.Event()
        """Set once the first list has been read."""

        self._api = api
        self._kind = kind
        self._resource = resource
        self._namespace = namespace
        self._selector = selector
        self._back_off = back_off
        self._version = ""
        self._callbacks: list[OnObject] = []
        self._failing = False
        self._heard = False
        """Whether the present watch brought anything."""

    def __repr__(self) -> str:
        return f"<Reflector {self._resource} {len(self._objects)} objects at {self._version!r}>"

    def on_change(self, callback: OnObject) -> None:
        """Call back at each change from now on."""
        self._callbacks.append(callback)

    async def run(self) -> None:
        """Follow the API server until cancelled."""
        pauses_s = self._back_off.pauses_s()
        while True:
            self._heard = False
            began_at = monotonic()
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except ApiError as error:
                if error.status not in _GO_ON_AFTER:
                    self._version = ""
                self._note_failure(error)
                was_good = self._heard
            except Exception:  # noqa: BLE001 -- the supervisor; serving must go on
                _log.exception("watch failed", extra={"resource": str(self._resource)})
                self._version = ""
                was_good = False
            else:
                was_good = self._heard or monotonic() - began_at >= _SHORT_WATCH_S
            if was_good:
                pauses_s = self._back_off.pauses_s()
            else:
                # Also after a watch that ended at once in good order, so that it cannot spin.
                await asyncio.sleep(next(pauses_s))

    async def _list(self) -> None:
        objects, version = await self._api.list(
            self._kind, self._resource, self._namespace, self._selector
        )
        self._note_success()
        listed = {_key(one): one for one in objects}
        changed = [
            key
            for key in {**self._objects, **listed}
            if _version(self._objects.get(key)) != _version(listed.get(key))
        ]
        self._objects.clear()
        self._objects.update(listed)
        self._version = version
        for key in changed:
            self._announce(key)
        self.synced.set()

    async def _watch(self) -> None:
        """Follow one watch until it ends."""
        query = {
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(random.randint(_LEAST_WATCH_S, _MOST_WATCH_S)),  # noqa: S311
        }
        if self._selector:
            query["labelSelector"] = self._selector
        lines = self._api.watch_lines(self._resource, self._namespace, query, _SILENCE_S)
        async for line in lines:
            self._take(line)
            self._heard = True
            self._note_success()

    def _take(self, line: bytes) -> None:
        call = describe(Verb.WATCH, self._resource, self._namespace)
        event = decode(call, line, _WatchEvent)
        if event.type == "ERROR":
            status = decode(call, event.object, Status)
            raise ApiError(call, status.code, f"{status.code} {status.message}")
        if event.type == "BOOKMARK":
            self._version = decode(call, event.object, ApiObject).metadata.resource_version
            return
        one = decode(call, event.object, self._kind)
        key = _key(one)
        if event.type == "DELETED":
            self._objects.pop(key, None)
        else:
            self._objects[key] = one
        self._version = one.metadata.resource_version
        self._announce(key)

    def _announce(self, key: Key) -> None:
        for callback in self._callbacks:
            callback(key)

    def _note_failure(self, error: ApiError) -> None:
        if self._failing or error.gone:
            return
        self._failing = True
        facts = {"resource": str(self._resource), "reason": str(error)}
        # Nobody but a person can change what the program may do.
        _log.log(logging.ERROR if error.forbidden else logging.WARNING, "watch lost", extra=facts)

    def _note_success(self) -> None:
        if self._failing:
            self._failing = False
            _log.info("watch restored", extra={"resource": str(self._resource)})


def _key(one: ApiObject) -> Key:
    return Key(one.metadata.namespace, one.metadata.name)


def _version(one: ApiObject | None) -> str:
    return "" if one is None else one.metadata.resource_version


class Reflectors:
    """All that one program follows."""

    def __init__(self, *reflectors: Reflector[Any]) -> None:
        self._reflectors = reflectors

    def __repr__(self) -> str:
        return f"<Reflectors {self._reflectors}>"

    async def run(self) -> None:
        """Follow the API until cancelled; the lists are asked for in the order given."""
        async with asyncio.TaskGroup() as tasks:
            for reflector in self._reflectors:
                tasks.create_task(reflector.run())

    async def synced(self) -> None:
        """Wait until everything has been seen once."""
        for reflector in self._reflectors:
            await reflector.synced.wait()
