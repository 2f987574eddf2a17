"""Asks a revision's public address who answers there, before the last pod goes.

It asks as a client would, on a new connection: an old one is where it was, whatever has changed
since. With Knative's probe header an activator answers for itself and names the revision, and a
sidecar refuses. Neither counts it as a request.
"""

from http import HTTPStatus
from typing import Final

from servingkit.cluster.protocols import PublicEndpoints
from servingkit.core.revision import RevisionId
from servingkit.http1.client import FetchError, HttpClient

_TIMEOUT_S: Final = 1.0
_HEADERS: Final = (
    (b"User-Agent", b"Knative-Autoscaling-Probe"),
    (b"K-Network-Probe", b"activator"),
    (b"Connection", b"close"),
)


class ActivatorProbe:
    """Shows whether activators are in the path of revisions."""

    def __init__(self, client: HttpClient, public_endpoints: PublicEndpoints) -> None:
        self._client = client
        self._public_endpoints = public_endpoints

    async def ask(self, revision: RevisionId) -> str | None:
        """Return what answered instead of an activator of the revision; None: one of them did."""
        address = self._public_endpoints.public_address(revision)
        if address is None:
            return "it has no public address yet"
        try:
            answer = await self._client.fetch(
                address, b"GET", b"/healthz", _HEADERS, timeout_s=_TIMEOUT_S
            )
        except FetchError as error:
            return f"{address} gave no answer ({error})"
        named = answer.headers.get(b"inflight-revision", b"")
        is_activator = answer.status == HTTPStatus.OK and answer.body == b"activator"
        if is_activator and named == str(revision).encode():
            return None
        who = f"an activator for {named.decode(errors='replace') or 'no revision'}"
        return f"{address} answered {answer.status}, {who if is_activator else 'not an activator'}"
