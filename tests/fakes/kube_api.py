"""A Kubernetes API server in memory, over real HTTP.

It keeps what a client can trip over: resource versions, conflicts, watches with bookmarks that
resume or are refused as too old (410), merge patches, the `scale` subresource, finalizers, and the
deletion of what a deleted object owns. It validates nothing. Faults are turned on by a test.
"""

import asyncio
import contextlib
import datetime as dt
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web

from servingkit.cluster.kubernetes.access import ApiAccess
from servingkit.cluster.kubernetes.permissions import Permission
from tests.fakes.web_server import web_server

Object = dict[str, Any]


class Where(NamedTuple):
    """What a path is about."""

    resource: str
    """Plural and group, as `deployments.apps`."""

    namespace: str
    name: str
    subresource: str


class Call(NamedTuple):
    """One request that came, in RBAC's words."""

    verb: str
    resource: str
    namespace: str
    name: str


class Change(NamedTuple):
    """One entry of the history that watches replay."""

    version: int
    type: str
    resource: str
    object: Object


class RefusedError(Exception):
    """A request that gets a Status instead of an object."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


@dataclass
class Faults:
    """What goes wrong, for as long as it is set."""

    away: bool = False
    """Every request is broken off without an answer."""

    delay_s: float = 0.0
    """Every answer comes so much later."""

    forbidden: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of verb and resource that are refused with 403."""

    conflicts: int = 0
    """So many patches are refused with 409 before one goes through."""

    status: int = 0
    """Every request gets this status and a text that is no JSON."""

    before_write: list[Callable[[Call], None]] = field(default_factory=list)
    """Called once each, in turn, before a write is carried out."""


class KubeApi:
    """The server; `objects` is what it has."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.calls: list[Call] = []
        self.faults = Faults()
        self.after_change: list[Callable[[], None]] = []
        """Controllers: called after each change, may change more."""

        self.url = ""
        self.watches: list[str] = []
        """Resources that are being watched now, one entry for each watch."""

        self.absent_kinds = {"scaledobjects.keda.sh"}
        """Kinds whose definition is not installed."""

        self.tokens: list[str] = []
        """What each call that had one sent as its Authorization."""

        self._version = 100
        self._oldest = 0
        self._history: list[Change] = []
        self._changed = asyncio.Condition()
        self._cut = 0
        self._end = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._reconciling = False

    @property
    def access(self) -> ApiAccess:
        return ApiAccess(url=self.url)

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator["KubeApi"]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        async with web_server(application) as address:
            self.url = f"http://{address}"
            try:
                yield self
            finally:
                self.cut_watches()

    # --- for tests -------------------------------------------------------------------------------

    def put(self, resource: str, body: Object) -> Object:
        """Make or replace an object, as somebody else would."""
        metadata = body["metadata"]
        key = (resource, metadata.get("namespace", ""), metadata["name"])
        old = self.objects.get(key)
        new = json.loads(json.dumps(body))
        self._store(key, new, old)
        return self.objects[key]

    def edit(self, resource: str, namespace: str, name: str, changes: Object) -> None:
        """Merge changes into an object, as somebody else would."""
        key = (resource, namespace, name)
        old = self.objects[key]
        self._store(key, merge(old, changes), old)

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((resource, namespace, name))

    def all(self, resource: str, namespace: str = "") -> list[Object]:
        return [
            one
            for (kind, where, _), one in self.objects.items()
            if kind == resource and (not namespace or where == namespace)
        ]

    def remove(self, resource: str, namespace: str, name: str) -> None:
        """Delete an object, as somebody else would; finalizers hold it."""
        self._delete((resource, namespace, name))

    def forget_history(self) -> None:
        """Make every version but the present one too old to watch from."""
        self._history.clear()
        self._oldest = self._version

    def cut_watches(self) -> None:
        """Break the watches off in the middle of a line."""
        self._cut += 1
        self._wake()

    def end_watches(self) -> None:
        """End the watches in good order."""
        self._end += 1
        self._wake()

    @property
    def objects_version(self) -> int:
        """The version of the last change, or bookmark."""
        return self._version

    def send_bookmarks(self) -> None:
        """Tell each watch the present version, without an object."""
        self._version += 1
        self._history.append(Change(self._version, "BOOKMARK", "", {}))
        self._wake()

    def called(self, verb: str, resource: str) -> int:
        """Return how often a resource was so called."""
        return sum(1 for call in self.calls if (call.verb, call.resource) == (verb, resource))

    # --- requests --------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.faults.delay_s:
            await asyncio.sleep(self.faults.delay_s)
        if self.faults.away:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if self.faults.status:
            return web.Response(status=self.faults.status, text="<html>no gateway</html>")
        where = _where(request.path)
        call = _call(request, where)
        self.calls.append(call)
        if "Authorization" in request.headers:
            self.tokens.append(request.headers["Authorization"])
        try:
            self._check(call)
            if call.verb == "watch":
                with contextlib.suppress(ConnectionError):  # the client went away
                    return await self._watch(request, where)
                return web.Response()
            body = await request.json() if request.can_read_body else {}
            if call.verb not in {"get", "list"} and self.faults.before_write:
                self.faults.before_write.pop(0)(call)
            return web.json_response(self._answer(call.verb, where, request.query, body))
        except RefusedError as error:
            status = {
                "kind": "Status",
                "message": str(error),
                "reason": error.reason,
                "code": error.status,
            }
            return web.json_response(status, status=error.status)

    def _check(self, call: Call) -> None:
        if call.resource in self.absent_kinds:
            raise RefusedError(404, "NotFound", "the server could not find the requested resource")
        if (call.verb, call.resource) in self.faults.forbidden:
            text = f'User "test" cannot {call.verb} resource "{call.resource}"'
            raise RefusedError(403, "Forbidden", text)

    def _answer(
        self, verb: str, where: Where, query: Mapping[str, str], body: Object
    ) -> Object | None:
        key = (where.resource, where.namespace, where.name)
        match verb:
            case "list":
                return self._list(where, query)
            case "get":
                return self._find(key)
            case "create":
                return self._create(where, body)
            case "patch":
                return self._patch(where, key, body)
            case _:
                self._find(key)
                wanted = body.get("preconditions", {}).get("uid")
                if wanted not in {None, self.objects[key]["metadata"]["uid"]}:
                    raise RefusedError(409, "Conflict", "the UID in the precondition is another")
                self._delete(key)
                return {"kind": "Status", "status": "Success"}

    def _list(self, where: Where, query: Mapping[str, str]) -> Object:
        found = [
            one
            for key, one in sorted(self.objects.items(), key=lambda item: item[0])
            if key[0] == where.resource
            and where.namespace in {"", key[1]}
            and _selected(one, query.get("labelSelector", ""))
        ]
        start, _, version = query.get("continue", f"0:{self._version}").partition(":")
        if int(version) < self._oldest:
            raise RefusedError(410, "Expired", "the provided continue parameter is too old")
        end = int(start) + int(query.get("limit", "0") or 0) or len(found)
        more = f"{end}:{version}" if end < len(found) else ""
        metadata = {"resourceVersion": version, "continue": more}
        return {"metadata": metadata, "items": found[int(start) : end]}

    def _find(self, key: tuple[str, str, str]) -> Object:
        found = self.objects.get(key)
        if found is None:
            raise RefusedError(404, "NotFound", f"{key[0]} {key[2]!r} not found")
        return found

    def _create(self, where: Where, body: Object) -> Object:
        metadata = body.setdefault("metadata", {})
        metadata.setdefault("namespace", where.namespace)
        key = (where.resource, where.namespace, metadata["name"])
        if key in self.objects:
            raise RefusedError(409, "AlreadyExists", f"{key[0]} {key[2]!r} already exists")
        return self._store(key, body, None)

    def _patch(self, where: Where, key: tuple[str, str, str], changes: Object) -> Object:
        old = self._find(key)
        if self.faults.conflicts:
            self.faults.conflicts -= 1
            raise RefusedError(409, "Conflict", "the object has been modified")
        expected = changes.get("metadata", {}).get("resourceVersion")
        if expected not in {None, old["metadata"]["resourceVersion"]}:
            raise RefusedError(409, "Conflict", "the object has been modified")
        if where.subresource == "scale":
            replicas = changes["spec"]["replicas"]
            stored = self._store(key, merge(old, {"spec": {"replicas": replicas}}), old)
            return {
                "metadata": stored["metadata"],
                "spec": {"replicas": replicas} if replicas else {},
            }
        return self._store(key, merge(old, changes), old)

    async def _watch(self, request: web.Request, where: Where) -> web.StreamResponse:
        seen = int(request.query["resourceVersion"])
        selector = request.query.get("labelSelector", "")
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        if seen < self._oldest:
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            await answer.write(_line("ERROR", status))
            return answer
        cut, end = self._cut, self._end
        self.watches.append(where.resource)
        try:
            while True:
                for change in [one for one in self._history if one.version > seen]:
                    seen = change.version
                    event = _as_seen(change, where, selector)
                    if event is not None:
                        await answer.write(event)
                if cut != self._cut:
                    await answer.write(b'{"type":"MODIFIED","object":{"metad')
                    assert request.transport is not None
                    request.transport.abort()
                    return answer
                if end != self._end:
                    return answer
                async with self._changed:
                    if seen >= self._version and (cut, end) == (self._cut, self._end):
                        await self._changed.wait()
        finally:
            self.watches.remove(where.resource)

    # --- the store -------------------------------------------------------------------------------

    def _store(self, key: tuple[str, str, str], new: Object, old: Object | None) -> Object:
        metadata = new["metadata"] = dict(new["metadata"])
        if old is not None and {**new, "metadata": 0} == {**old, "metadata": 0}:
            unversioned = {**metadata, "resourceVersion": 0}
            if unversioned == {**old["metadata"], "resourceVersion": 0}:
                return old
        self._version += 1
        created = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        before = old["metadata"] if old is not None else {}
        metadata["uid"] = before.get("uid") or metadata.get("uid") or str(uuid.uuid4())
        metadata.setdefault("creationTimestamp", before.get("creationTimestamp", created))
        metadata["resourceVersion"] = str(self._version)
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self._remove(key, new)
            return new
        self.objects[key] = new
        self._record("ADDED" if old is None else "MODIFIED", key[0], new)
        return new

    def _delete(self, key: tuple[str, str, str]) -> None:
        one = self.objects[key]
        if one["metadata"].get("finalizers"):
            gone_at = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._store(key, merge(one, {"metadata": {"deletionTimestamp": gone_at}}), one)
            return
        self._version += 1
        last = merge(one, {"metadata": {"resourceVersion": str(self._version)}})
        self._remove(key, last)

    def _remove(self, key: tuple[str, str, str], last: Object) -> None:
        self.objects.pop(key, None)
        self._record("DELETED", key[0], last)
        uid = last["metadata"]["uid"]
        for other, one in tuple(self.objects.items()):
            owners = one["metadata"].get("ownerReferences", ())
            if any(owner["uid"] == uid for owner in owners) and other in self.objects:
                self._delete(other)

    def _record(self, kind: str, resource: str, one: Object) -> None:
        self._history.append(Change(self._version, kind, resource, one))
        if not self._reconciling:
            self._reconciling = True
            try:
                for controller in self.after_change:
                    controller()
            finally:
                self._reconciling = False
        self._wake()

    def _wake(self) -> None:
        async def wake() -> None:
            async with self._changed:
                self._changed.notify_all()

        task = asyncio.get_running_loop().create_task(wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def merge(target: Any, changes: Any) -> Any:  # noqa: ANN401 -- JSON
    """Apply a merge patch (RFC 7386) and return the result."""
    if not isinstance(changes, dict):
        return changes
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def permitted(permissions: Iterable[Permission]) -> set[tuple[str, str]]:
    """Return a table of permissions as the pairs of verb and resource that calls have."""
    pairs = set()
    for permission in permissions:
        resource = permission.rule_name
        if permission.resource.group:
            resource += f".{permission.resource.group}"
        pairs |= {(verb.value, resource) for verb in permission.verbs}
    return pairs


def _where(path: str) -> Where:
    parts = path.strip("/").split("/")
    group = "" if parts[0] == "api" else parts[1]
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = itertools.islice(itertools.chain(rest, ("", "")), 3)
    return Where(f"{plural}.{group}" if group else plural, namespace, name, subresource)


def _call(request: web.Request, where: Where) -> Call:
    verb = {"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[request.method]
    if verb == "get" and not where.name:
        verb = "watch" if request.query.get("watch") else "list"
    plural, dot, group = where.resource.partition(".")
    resource = f"{plural}/{where.subresource}{dot}{group}" if where.subresource else where.resource
    return Call(verb, resource, where.namespace, where.name)


def _selected(one: Object, selector: str) -> bool:
    labels = one["metadata"].get("labels") or {}
    pairs = (term.split("=", 1) for term in selector.split(",") if term)
    return all(labels.get(key) == value for key, value in pairs)


def _as_seen(change: Change, where: Where, selector: str) -> bytes | None:
    """Return the event as one watch gets it; None when the watch is about something else."""
    if change.type == "BOOKMARK":
        return _line("BOOKMARK", {"metadata": {"resourceVersion": str(change.version)}})
    metadata = change.object["metadata"]
    if change.resource != where.resource:
        return None
    if where.namespace not in {"", metadata.get("namespace", "")}:
        return None
    if not _selected(change.object, selector):
        # What lost its labels is gone for this watch; it does not mind hearing so once too often.
        return _line("DELETED", change.object) if change.type == "MODIFIED" else None
    return _line(change.type, change.object)


def _line(kind: str, one: Object) -> bytes:
    return json.dumps({"type": kind, "object": one}).encode() + b"\n"
