"""Connections to all autoscaler replicas behind one name: whoever leads next knows the load.

A headless Service's name has the address of each replica. It is looked up again every few seconds;
a replica that has gone loses its link, a new one gets one. While a look-up fails, what is known
stays. Over TLS the name is what the certificate is for, so there is one link then, to the name.
"""

import asyncio
import logging
import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from activator.autoscaler_link import AutoscalerLink
from activator.core.load_ledger import LoadLedger
from servingkit.core.revision import Address

_log = logging.getLogger(__name__)

LOOK_UP_EVERY_S: Final = 5.0
_LOOK_UP_AGAIN_S: Final = 1.0
_HTTP_PORT: Final = 80


class AutoscalerLinks:
    """A link to each autoscaler that `url` stands for."""

    def __init__(self, url: str, name: str, ledger: LoadLedger) -> None:
        self._url = urlsplit(url)
        self._name = name
        self._ledger = ledger
        self._links: dict[str, tuple[AutoscalerLink, asyncio.Task[None]]] = {}
        self._past_errors = 0

    def __repr__(self) -> str:
        return f"<AutoscalerLinks to {self._url.geturl()}: {list(self)}>"

    def __iter__(self) -> Iterator[AutoscalerLink]:
        return (link for link, _ in self._links.values())

    @property
    def connected(self) -> int:
        """How many autoscalers hear us."""
        return sum(link.connected for link in self)

    @property
    def connection_errors(self) -> int:
        """How many connections failed or were lost."""
        return self._past_errors + sum(link.connection_errors for link in self)

    async def run(self) -> None:
        """Keep a link to each until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                urls = await self._look_up()
                if urls:
                    self._follow(urls, tasks)
                await asyncio.sleep(LOOK_UP_EVERY_S if urls else _LOOK_UP_AGAIN_S)

    def _follow(self, urls: set[str], tasks: asyncio.TaskGroup) -> None:
        for url in self._links.keys() - urls:
            link, running = self._links.pop(url)
            self._past_errors += link.connection_errors
            running.cancel()
        for url in urls - self._links.keys():
            link = AutoscalerLink(url, self._name, self._ledger)
            self._links[url] = (link, tasks.create_task(link.run()))

    async def _look_up(self) -> set[str]:
        url = self._url
        if url.scheme == "wss" or url.hostname is None:
            return {url.geturl()}
        try:
            addresses = await look_up(url.hostname)
        except OSError as error:
            facts = {"host": url.hostname, "reason": error.strerror}
            _log.warning("autoscaler not found", extra=facts)
            return set()
        port = url.port or _HTTP_PORT
        return {url._replace(netloc=str(Address(a, port))).geturl() for a in addresses}


async def look_up(host: str) -> set[str]:
    """Return the addresses that a name stands for, each machine once. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    # With two families each replica is there twice, and would count our load twice.
    family = min(family for family, *_ in found)
    return {str(address[0]) for known, *_, address in found if known is family}
