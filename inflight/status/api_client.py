"""The autoscaler's API as a client sees it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from autoscaler.status import RevisionDetail, RevisionStatus
from inflight.status.core.event_reader import EventReader, Message
from servingkit.core.revision import RevisionId

_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 30.0
_SILENCE_S: Final = 30.0
"""The stream says something each ten seconds."""

_MOST_LINE_BYTES: Final = 4 * 1024 * 1024
"""Longest message of the stream: two hundred revisions."""


class ApiError(Exception):
    """The autoscaler does not answer, or not as one does."""


class NoSuchRevisionError(Exception):
    """The autoscaler does not scale this revision."""

    def __init__(self, revision: RevisionId) -> None:
        super().__init__(f"no revision {revision} is being scaled")
        self.revision = revision


class RevisionList(msgspec.Struct):
    """What the API answers for all revisions, and tells each second."""

    revisions: list[RevisionStatus]
    total: int = 0
    """How many there are when these are only the first of them. 0: these are all."""


_Answer = TypeVar("_Answer", RevisionList, RevisionDetail)


class ApiClient(AbstractAsyncContextManager["ApiClient"]):
    """Asks one autoscaler."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(read_bufsize=_MOST_LINE_BYTES)

    def __repr__(self) -> str:
        return f"<ApiClient {self._url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def revisions(self) -> RevisionList:
        """Return how all revisions stand. Raises ApiError."""
        body = await self._get("/v1/revisions")
        return self._decode(body, RevisionList)

    async def revision(self, revision: RevisionId) -> RevisionDetail:
        """Return all that is known of one. Raises ApiError and NoSuchRevisionError."""
        path = f"/v1/revisions/{quote(revision.namespace, safe='')}/{quote(revision.name, safe='')}"
        body = await self._get(path)
        if body is None:
            raise NoSuchRevisionError(revision)
        return self._decode(body, RevisionDetail)

    async def follow(self, revision: RevisionId | None, last_id: str) -> AsyncIterator[Message]:
        """Return what happens, as it happens, after event `last_id`; ends with ApiError."""
        timeout = aiohttp.ClientTimeout(sock_connect=_CONNECT_S, sock_read=_SILENCE_S)
        query = {"statuses": "true"}
        if revision is not None:
            query["revision"] = str(revision)
        headers = {"Last-Event-ID": last_id} if last_id else {}
        reader = EventReader()
        try:
            async with self._session.get(
                self._url + "/v1/events", params=query, headers=headers, timeout=timeout
            ) as answer:
                self._check(answer.status)
                async for line in answer.content:
                    message = reader.read(line.decode(errors="replace").rstrip("\r\n"))
                    if message is not None:
                        yield message
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise self._unreachable(error) from error
        ended = f"the autoscaler at {self._url} ended the stream"
        raise ApiError(ended)

    def decode_statuses(self, data: str) -> RevisionList:
        """Return what a message `statuses` says. Raises ApiError."""
        return self._decode(data.encode(), RevisionList)

    async def _get(self, path: str) -> bytes | None:
        """Return the body; None for 404."""
        timeout = aiohttp.ClientTimeout(total=_ANSWER_S, sock_connect=_CONNECT_S)
        try:
            async with self._session.get(self._url + path, timeout=timeout) as answer:
                if answer.status == HTTPStatus.NOT_FOUND and answer.content_type.endswith("json"):
                    return None
                self._check(answer.status)
                return await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error

    def _check(self, status: int) -> None:
        if status != HTTPStatus.OK:
            message = f"{self._url} is no autoscaler's API: it answers with status {status}"
            raise ApiError(message)

    def _decode(self, body: bytes | None, kind: type[_Answer]) -> _Answer:
        try:
            return msgspec.json.decode(body or b"", type=kind)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            message = f"{self._url} does not answer as an autoscaler of this version: {error}"
            raise ApiError(message) from error

    def _unreachable(self, error: Exception) -> ApiError:
        return ApiError(f"no autoscaler at {self._url}: {str(error) or 'no answer in time'}")
