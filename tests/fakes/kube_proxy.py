"""What kube-proxy and the cluster's addresses do for our tests, on the fake API.

A Service that we made for clients gets an address on this machine, with a free port; connections go
where its slices say, one by one, and new ones follow a change at once.
"""

import asyncio

from inflight.local.public_endpoint import PublicEndpoint
from servingkit.core.revision import Address
from tests.fakes.kube_api import KubeApi, Object

HOST = "127.0.0.1"
SLICES = "endpointslices.discovery.k8s.io"
_ROLE = "inflight.dev/service"
_NOBODY = Address(HOST, 1)


class KubeProxy:
    """Follows public Services and their slices after each change; its listeners are `tasks`."""

    def __init__(self, kube: KubeApi, tasks: asyncio.TaskGroup) -> None:
        self._kube = kube
        self._tasks = tasks
        self._endpoints: dict[tuple[str, str], PublicEndpoint] = {}
        kube.after_change.append(self._look)

    def close(self) -> None:
        for endpoint in self._endpoints.values():
            endpoint.stop_accepting()
            endpoint.reset_all()

    def _look(self) -> None:
        for service in self._kube.all("services"):
            metadata = service["metadata"]
            if metadata.get("labels", {}).get(_ROLE) != "public":
                continue
            key = (metadata["namespace"], metadata["name"])
            if key not in self._endpoints:
                self._endpoints[key] = PublicEndpoint([_NOBODY], lag_s=0.0)
                self._tasks.create_task(self._listen(*key))
            self._endpoints[key].follow(self._backends(*key) or [_NOBODY])

    async def _listen(self, namespace: str, name: str) -> None:
        endpoint = self._endpoints[namespace, name]
        port = await endpoint.serve(Address(HOST, 0), self._tasks)
        (told,) = self._kube.objects["services", namespace, name]["spec"]["ports"]
        spec = {"clusterIP": HOST, "ports": [{**told, "port": port}]}
        self._kube.edit("services", namespace, name, {"spec": spec})

    def _backends(self, namespace: str, service: str) -> list[Address]:
        slices: list[Object] = [
            one
            for one in self._kube.all(SLICES, namespace)
            if one["metadata"]["labels"].get("kubernetes.io/service-name") == service
        ]
        return [
            Address(host, port["port"])
            for one in slices
            for port in one["ports"]
            for endpoint in one["endpoints"]
            for host in endpoint["addresses"]
        ]
