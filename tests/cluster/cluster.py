"""A cluster as the tests see it: objects as plain JSON, and waiting."""

import json
import time
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

import pytest
from kubernetes import client, config, dynamic
from kubernetes.client.exceptions import ApiException

Json = dict[str, Any]
T = TypeVar("T")

WAIT_S: Final = 300.0
"""For anything that a cluster does; long, because it may be busy."""

_POLL_S: Final = 0.2


class Cluster:
    """The cluster of KUBECONFIG's current context."""

    def __init__(self) -> None:
        self._client = config.new_client_from_config()  # type: ignore[no-untyped-call]
        self._dynamic = dynamic.DynamicClient(self._client)  # type: ignore[no-untyped-call]

    def create(self, item: Json) -> Json:
        """Make an object."""
        api = self._api(item["apiVersion"], item["kind"])
        namespace = item["metadata"].get("namespace")
        return _plain(api.create(body=item, namespace=namespace))

    def try_to_create(self, item: Json) -> Json:
        """Return an object as it would be made; a field that its kind does not have is an error."""
        path = self._api(item["apiVersion"], item["kind"]).path(namespace=_namespace(item))
        query = [("dryRun", "All"), ("fieldValidation", "Strict")]
        answer = self._dynamic.request("POST", path, body=item, query_params=query)
        return _plain(answer)

    def find(self, api_version: str, kind: str, name: str, namespace: str = "") -> Json | None:
        """Return an object; None when there is none."""
        try:
            found = self._api(api_version, kind).get(name=name, namespace=namespace or None)
        except ApiException as error:
            if error.status == 404:
                return None
            raise
        return _plain(found)

    def list_all(
        self, api_version: str, kind: str, namespace: str = "", selector: str = ""
    ) -> list[Json]:
        """Return the objects with these labels."""
        api = self._api(api_version, kind)
        found = api.get(namespace=namespace or None, label_selector=selector or None)
        return list(_plain(found)["items"])

    def patch(self, item: Json, changes: Json) -> Json:
        """Merge changes into an object."""
        api, metadata = self._api(item["apiVersion"], item["kind"]), item["metadata"]
        kind = "application/merge-patch+json"
        namespace = metadata.get("namespace")
        return _plain(
            api.patch(name=metadata["name"], namespace=namespace, body=changes, content_type=kind)
        )

    def delete(self, item: Json, grace_period_s: int | None = None) -> None:
        """Delete an object; it is fine if there is none."""
        api, metadata = self._api(item["apiVersion"], item["kind"]), item["metadata"]
        options = client.V1DeleteOptions(
            grace_period_seconds=grace_period_s, propagation_policy="Background"
        )
        try:
            api.delete(name=metadata["name"], namespace=metadata.get("namespace"), body=options)
        except ApiException as error:
            if error.status != 404:
                raise

    def call_pod(self, pod: Json, port: int, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 -- JSON
        """Send a request to a pod through the API server, and return the JSON of its answer."""
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        proxied = f"/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy{path}"
        answer = self._dynamic.request(method, proxied, body=body, serialize=False)
        return json.loads(answer.data)

    def events_of(self, name: str, namespace: str) -> list[str]:
        """Return what events say of an object."""
        found = self.list_all("v1", "Event", namespace)
        return [
            f"{it.get('reason')}: {it.get('message')}"
            for it in found
            if it["involvedObject"].get("name") == name
        ]

    def _api(self, api_version: str, kind: str) -> Any:  # noqa: ANN401 -- it has no types
        return self._dynamic.resources.get(api_version=api_version, kind=kind)


def restricted_namespace(name: str) -> Json:
    """Return a namespace in which only pods run that meet the standard `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def eventually(
    look: Callable[[], T | Literal[False] | None], what: str, within_s: float = WAIT_S
) -> T:
    """Return what `look` returns as soon as that is true; until then errors of the API are too."""
    ends_at = time.monotonic() + within_s
    last: object = None
    while time.monotonic() < ends_at:
        try:
            found = look()
        except (ApiException, OSError) as error:
            last = error
        else:
            if found:
                return found
            last = found
        time.sleep(_POLL_S)
    pytest.fail(f"not within {within_s:g} s: {what} (at last: {last!r})")


def _namespace(item: Json) -> str | None:
    namespace: str | None = item["metadata"].get("namespace")
    return namespace


def _plain(found: Any) -> Json:  # noqa: ANN401 -- it has no types
    plain: Json = found.to_dict()
    return plain
