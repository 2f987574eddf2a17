"""What a person asks `inflight local` for, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoscaler.core.defaults import Defaults
from autoscaler.defaults_source import DefaultsSource
from inflight.scaling.options import DEFAULTS
from servingkit.core.revision import RevisionId
from servingkit.core.route import Route

DEFAULT_TIMEOUT_S = 300
DEFAULT_PORT = 8000
DEFAULT_API_PORT = 8081
DEFAULT_GATEWAY_PORT = 8080


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionSettings:
    """One revision: a command that starts a model server on `$PORT`, and how it scales."""

    id: RevisionId

    command: tuple[str, ...]

    command_key: str
    """Where the command stood, for messages: `COMMAND`, or `revisions[0].command`."""

    port: int = DEFAULT_PORT
    """Public port on 127.0.0.1. 0: a free one."""

    port_key: str = "--port"
    """Where the port stood, for messages."""

    container_concurrency: int = 0
    """Requests one pod may run at once. 0: no limit."""

    timeout_s: int = DEFAULT_TIMEOUT_S
    """Longest time a request may take, held time included; also the pod's grace period."""

    hosts: tuple[str, ...] = ()

    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of the model."""

    directory: Path | None = None
    """Where the command is started. None: where `inflight` was."""

    readiness_probe: Mapping[str, object] | None = None
    """As in Kubernetes, the port may be left out. None: the model is ready when it listens."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    """Scaling settings under Knative's full names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """All that one `inflight local` runs."""

    revisions: tuple[RevisionSettings, ...]

    api_port: int = DEFAULT_API_PORT
    """Port of the control API. 0: a free one."""

    files: tuple[Path, ...] = ()
    """What the revisions were read from; their routes are followed. Empty: the command line."""

    routes: tuple[Route, ...] = ()
    """Names and paths that lead to revisions by weight, at the start."""

    gateway_port: int | None = None
    """Public port for requests by Host, on 127.0.0.1. 0: a free one. None: there is none."""

    activators: int = 1
    """How many. 1: it runs in this process; more: each is a process of its own."""

    endpoint_lag_s: float = 0.0
    """How long public endpoints lag behind what the pods do, seconds."""

    log_directory: Path | None = None
    """Where the output of all processes goes. None: a temporary folder."""

    defaults: Defaults = DEFAULTS
    """What the autoscaler takes for what a revision does not say."""

    defaults_source: DefaultsSource | None = None
    """Where they are written, and followed. None: they stay."""

    json: bool = False
    """One JSON object a line on standard output, for machines."""
