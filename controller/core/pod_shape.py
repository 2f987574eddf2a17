"""What injection relies on in a pod. The API server has seen to it; in manifests nobody has."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from servingkit.config import ConfigError, Problem

_Json = dict[str, Any]


_KINDS: Final = {
    "str": "a text",
    "int": "a whole number",
    "int | str": "a number or a name",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "array": "a list",
    "object": "keys with values",
}
"""Types in msgspec's messages, as a person calls them."""


class _Port(msgspec.Struct, rename="camel"):
    container_port: int
    name: str | None = None
    protocol: str | None = None


class _HttpAction(msgspec.Struct):
    port: int | str
    scheme: str | None = None
    host: str | None = None


class _Probe(msgspec.Struct, rename="camel"):
    http_get: _HttpAction | None = None
    tcp_socket: _HttpAction | None = None
    grpc: _HttpAction | None = None


class _Lifecycle(msgspec.Struct, rename="camel"):
    pre_stop: _Json | None = None


class _Container(msgspec.Struct, rename="camel"):
    name: str
    ports: list[_Port] | None = None
    readiness_probe: _Probe | None = None
    lifecycle: _Lifecycle | None = None


class _Spec(msgspec.Struct, rename="camel"):
    containers: list[_Container]
    init_containers: list[_Container] | None = None
    termination_grace_period_seconds: int | None = None


class _Pod(msgspec.Struct):
    spec: _Spec


def check_shape(pod: Mapping[str, Any]) -> None:
    """Raise ConfigError that names fields of other types than Kubernetes wants.

    Labels and annotations, where quotes are easily forgotten, are all named; of the rest the first.
    """
    problems = [*_no_texts(pod, "labels"), *_no_texts(pod, "annotations")]
    try:
        msgspec.convert(pod, _Pod)
    except msgspec.ValidationError as error:
        problems.append(_problem(str(error)))
    if problems:
        raise ConfigError(problems)


def _no_texts(pod: Mapping[str, Any], field: str) -> Iterator[Problem]:
    values = pod["metadata"].get(field) or {}
    if not isinstance(values, dict):
        yield Problem(f"metadata.{field}", str(values), _KINDS["object"])
        return
    for key, value in values.items():
        if not isinstance(value, str):
            yield Problem(f"metadata.{field}.{key}", str(value), "a text; put it in quotes")


def _problem(message: str) -> Problem:
    """Return msgspec's message as ours."""
    words, _, place = message.partition(" - at ")
    path = place.strip("`").removeprefix("$").removeprefix(".")
    missing = re.search("missing required field `(.+)`", words)
    if missing:
        return Problem(f"{path}.{missing[1]}".removeprefix("."), None, "to be there")
    wanted, found = (_kind(name) for name in re.findall("`(.+?)`", words))
    return Problem(path, found, wanted)


def _kind(name: str) -> str:
    name = name.removesuffix(" | null")
    return _KINDS.get(name, name)
