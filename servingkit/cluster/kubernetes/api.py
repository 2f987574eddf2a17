"""Calls to the Kubernetes API: JSON over HTTP, each with a time-out and typed errors.

Reads are decoded into the structs of `core.objects`. Writes are `create`, `patch` (merge patches,
RFC 7386) and `delete`: what is not named in a patch stays as it is.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, TypeVar

import aiohttp
import msgspec

from servingkit.cluster.kubernetes.access import ApiAccess, TokenFile
from servingkit.cluster.kubernetes.core.objects import ObjectT
from servingkit.cluster.kubernetes.core.resource import Resource, Verb
from servingkit.cluster.protocols import ClusterError
from servingkit.config import ConfigError, Problem

CALL_TIMEOUT_S: Final = 5.0
"""For each call but a watch. Less than what a leader's lease has left when it stops writing."""

_LIST_TIMEOUT_S: Final = 60.0
_PAGE_OBJECTS: Final = 500
_MOST_DETAIL: Final = 300

Json = Mapping[str, object]
StructT = TypeVar("StructT", bound=msgspec.Struct)


class ApiError(ClusterError):
    """A call that failed. `status` is the HTTP status; 0: no answer came."""

    def __init__(self, call: str, status: int, detail: str) -> None:
        super().__init__(f"{call}: {detail}")
        self.status = status

    @property
    def not_found(self) -> bool:
        """Whether the object, or its whole kind, does not exist."""
        return self.status == HTTPStatus.NOT_FOUND

    @property
    def conflict(self) -> bool:
        """Whether somebody else was first: it was changed meanwhile, or exists already."""
        return self.status == HTTPStatus.CONFLICT

    @property
    def gone(self) -> bool:
        """Whether the resource version is too old to go on from."""
        return self.status == HTTPStatus.GONE

    @property
    def forbidden(self) -> bool:
        """Whether RBAC, an admission webhook or a quota refused it."""
        return self.status == HTTPStatus.FORBIDDEN


class Status(msgspec.Struct, rename="camel"):
    """What the API server answers instead of an object."""

    message: str = ""
    reason: str = ""
    code: int = 0


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct, rename="camel"):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class ApiClient:
    """One connection pool to one API server."""

    def __init__(self, access: ApiAccess, *, call_timeout_s: float = CALL_TIMEOUT_S) -> None:
        """Raises ConfigError when credentials are missing."""
        self._url = access.url
        self._token = TokenFile(access.credentials)
        try:
            self._tls = access.tls()
            self._token.headers()
        except OSError as error:
            expected = f"a directory with the ca.crt and token of a service account ({error})"
            found = str(access.credentials)
            problem = Problem("INFLIGHT_KUBERNETES_CREDENTIALS", found, expected)
            raise ConfigError([problem]) from error
        self._call_timeout_s = call_timeout_s
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"<ApiClient {self._url}>"

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._tls or True, limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"Accept": "application/json", "User-Agent": "inflight"},
            timeout=aiohttp.ClientTimeout(total=None),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # --- reads -----------------------------------------------------------------------------------

    async def get(
        self, kind: type[ObjectT], resource: Resource, namespace: str, name: str
    ) -> ObjectT | None:
        """Return an object; None when there is none. Raises ApiError."""
        call = describe(Verb.GET, resource, namespace, name)
        try:
            data = await self._call(call, "GET", resource.path(namespace, name))
        except ApiError as error:
            if error.not_found:
                return None
            raise
        return decode(call, data, kind)

    async def list(
        self, kind: type[ObjectT], resource: Resource, namespace: str = "", selector: str = ""
    ) -> tuple[list[ObjectT], str]:
        """Return the objects that have the labels of `selector`, and the list's version.

        Raises ApiError; one that is `gone` means that the list changed too much between two pages.
        """
        call = describe(Verb.LIST, resource, namespace)
        query = {"limit": str(_PAGE_OBJECTS)} | ({"labelSelector": selector} if selector else {})
        objects: list[ObjectT] = []
        while True:
            path = resource.path(namespace)
            data = await self._call(call, "GET", path, query=query, timeout_s=_LIST_TIMEOUT_S)
            page = decode(call, data, _Page)
            objects += (decode(call, item, kind) for item in page.items or ())
            if not page.metadata.continue_:
                return objects, page.metadata.resource_version
            query = {**query, "continue": page.metadata.continue_}

    async def watch_lines(
        self, resource: Resource, namespace: str, query: Mapping[str, str], silence_s: float
    ) -> AsyncIterator[bytes]:
        """Yield the lines of a watch until the server ends it, or says nothing for `silence_s`.

        Raises ApiError. What a broken connection left of a line is dropped.
        """
        call = describe(Verb.WATCH, resource, namespace)
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CALL_TIMEOUT_S, sock_read=silence_s
        )
        query = {**query, "watch": "true"}
        try:
            async with self._request("GET", resource.path(namespace), query, timeout) as answer:
                if answer.status != HTTPStatus.OK:
                    raise _refused(call, answer.status, await answer.read())
                rest = b""
                async for data in answer.content.iter_any():
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        if line:
                            yield line
        except aiohttp.SocketTimeoutError:
            return
        except (aiohttp.ClientError, OSError) as error:
            raise ApiError(call, 0, _reason(error)) from error

    # --- writes ----------------------------------------------------------------------------------

    async def create(self, resource: Resource, namespace: str, body: Json) -> None:
        """Make an object. Raises ApiError; one that is a `conflict` means that it exists."""
        call = describe(Verb.CREATE, resource, namespace, _name_in(body))
        await self._call(call, "POST", resource.path(namespace), body=body)

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        changes: Json,
        *,
        subresource: str = "",
    ) -> None:
        """Change what `changes` names; None removes. Raises ApiError.

        With `metadata.resourceVersion` in it the patch is refused as a `conflict` when the object
        has changed since.
        """
        call = describe(Verb.PATCH, resource, namespace, name, subresource)
        path = resource.path(namespace, name, subresource)
        await self._call(call, "PATCH", path, body=changes)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str = "") -> None:
        """Delete an object, given a `uid` only that one; it is fine if there is none.

        Raises ApiError.
        """
        call = describe(Verb.DELETE, resource, namespace, name)
        body: Json = {"preconditions": {"uid": uid}} if uid else {}
        try:
            await self._call(call, "DELETE", resource.path(namespace, name), body=body)
        except ApiError as error:
            if not error.not_found:
                raise

    # --- inner -----------------------------------------------------------------------------------

    async def _call(
        self,
        call: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        timeout_s: float = 0.0,
    ) -> bytes:
        """Return the body of a good answer."""
        timeout = aiohttp.ClientTimeout(total=None)
        timeout_s = timeout_s or self._call_timeout_s
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._request(method, path, query, timeout, body) as answer,
            ):
                data = await answer.read()
        except TimeoutError as error:
            raise ApiError(call, 0, f"no answer within {timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ApiError(call, 0, _reason(error)) from error
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _refused(call, answer.status, data)
        return data

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        timeout: aiohttp.ClientTimeout,
        body: Json | None = None,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        assert self._session is not None, "enter the client first"  # noqa: S101
        headers = dict(self._token.headers())
        data = None
        if body is not None:
            data = msgspec.json.encode(body)
            merges = method == "PATCH"
            headers["Content-Type"] = f"application/{'merge-patch+' if merges else ''}json"
        return self._session.request(
            method, self._url + path, params=query, data=data, headers=headers, timeout=timeout
        )


def decode(call: str, data: bytes | msgspec.Raw, kind: type[StructT]) -> StructT:
    """Return what the API server sent in answer to `call`. Raises ApiError for anything else."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise ApiError(call, 0, f"not understood: {error}") from error


def describe(
    verb: Verb, resource: Resource, namespace: str = "", name: str = "", subresource: str = ""
) -> str:
    """Return a call in words, with all that an RBAC rule for it has to name."""
    what = f"{resource.plural}/{subresource}" if subresource else resource.plural
    group = f".{resource.group}" if resource.group else ""
    where = f"in {namespace}" if namespace else "in all namespaces"
    return " ".join(filter(None, (verb, what + group, repr(name) if name else "", where)))


def _refused(call: str, status: int, data: bytes) -> ApiError:
    try:
        detail = msgspec.json.decode(data, type=Status).message
    except msgspec.MsgspecError:
        detail = ""
    detail = detail or data.decode(errors="replace").strip()
    return ApiError(call, status, f"{status} {detail[:_MOST_DETAIL]}".rstrip())


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _name_in(body: Json) -> str:
    metadata = body.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, Mapping) else ""
