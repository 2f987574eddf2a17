"""The gates of all revisions: made, fed with pods, and closed as the cluster changes."""

import asyncio
import logging
import random
from collections.abc import Iterator
from typing import Final

from activator.config import Config
from activator.core.admission_queue import HeldTotals
from activator.core.admission_settings import AdmissionSettings, read_admission_settings
from activator.core.revision_index import NAMESPACE_HEADER, REVISION_HEADER, RevisionIndex
from activator.core.throttler import Throttler
from activator.core.trusted_networks import TrustedNetworks
from activator.pod_prober import PodProber
from activator.refusals import Cause
from activator.revision_gate import HeldRequest, RevisionGate
from servingkit.cluster.protocols import OnChange, Pods, Revisions
from servingkit.config import ConfigError
from servingkit.core.revision import Revision, RevisionId
from servingkit.http1.core.message import RequestHead

ASK_AGAIN_EVERY_S: Final = 30.0
"""A pod's container concurrency can be changed while it runs; so late at most it is noticed."""

_log = logging.getLogger(__name__)


class RevisionGates:
    """One gate for each revision that the cluster shows."""

    def __init__(self, config: Config, revisions: Revisions, pods: Pods, prober: PodProber) -> None:
        self._config = config
        self._revisions = revisions
        self._pods = pods
        self._prober = prober
        self._gates: dict[RevisionId, RevisionGate] = {}
        self._index: RevisionIndex | None = None
        self._trusted = TrustedNetworks(config.trusted_networks)
        self._closed = False
        self.held = HeldTotals(config.held_limit, config.held_limit_bytes)
        """What waits in all gates together."""

    def __repr__(self) -> str:
        return f"<RevisionGates {len(self._gates)} revisions>"

    def follow(self, on_change: OnChange) -> None:
        """Follow the cluster; `on_change` is told of revisions after their gates have changed."""

        def revision_changed(revision_id: RevisionId) -> None:
            if not self._closed:
                self._revision_changed(revision_id)
                on_change(revision_id)

        self._revisions.on_revision_change(revision_changed)
        self._pods.on_pods_change(self._pods_changed)

    def __iter__(self) -> Iterator[RevisionGate]:
        return iter(tuple(self._gates.values()))

    def get(self, revision_id: RevisionId) -> RevisionGate | None:
        """Return the gate of a revision, None for an unknown one."""
        return self._gates.get(revision_id)

    def named_by_headers(self, head: RequestHead, peer: str) -> bool:
        """Tell whether a request names a revision by headers, and comes from whom may do that."""
        fields = head.fields
        return NAMESPACE_HEADER in fields and REVISION_HEADER in fields and peer in self._trusted

    def named_by(self, head: RequestHead, peer: str) -> RevisionGate | None:
        """Return the gate of the revision that a request names by Host, or headers if trusted."""
        if self._index is None:
            revisions = (gate.revision for gate in self._gates.values())
            self._index = RevisionIndex(revisions, self._config.cluster_domain)
        fields = head.fields if peer in self._trusted else {}
        revision_id = self._index.find(head.host, fields)
        return None if revision_id is None else self._gates[revision_id]

    async def keep_asking(self) -> None:
        """Have each gate ask its busy pods now and then, spread over the period, for ever."""
        while True:
            gates = tuple(self)
            for gate in gates:
                await asyncio.sleep(ASK_AGAIN_EVERY_S / len(gates))
                gate.ask_busy_pods()
            if not gates:
                await asyncio.sleep(ASK_AGAIN_EVERY_S)

    def close(self, cause: Cause) -> None:
        """Answer all that wait, and follow the cluster no more."""
        self._closed = True
        for gate in self._gates.values():
            gate.close(cause)

    def _revision_changed(self, revision_id: RevisionId) -> None:
        self._index = None
        revision = self._revisions.revisions().get(revision_id)
        gate = self._gates.get(revision_id)
        if gate is not None and (revision is None or revision.uid != gate.revision.uid):
            del self._gates[revision_id]
            gate.close(Cause.REVISION_GONE)
            gate = None
        if revision is None:
            return
        if gate is None:
            self._gates[revision_id] = self._make_gate(revision)
        else:
            settings = self._settings(revision)
            gate.settings_valid = settings is not None
            gate.set_revision(revision, settings or gate.settings)

    def _make_gate(self, revision: Revision) -> RevisionGate:
        read = self._settings(revision)
        settings = read or self._config.admission
        throttler: Throttler[HeldRequest] = Throttler(
            revision.container_concurrency, settings, self.held, random.randrange
        )
        gate = RevisionGate(revision, settings, throttler, self._prober)
        gate.settings_valid = read is not None
        gate.set_pods(self._pods.pods(revision.id))
        return gate

    def _settings(self, revision: Revision) -> AdmissionSettings | None:
        """Return what the annotations say; None when they cannot be used, which is logged."""
        try:
            return read_admission_settings(revision.annotations, self._config.admission)
        except ConfigError as error:
            facts = {"revision": str(revision.id), "reason": str(error)}
            _log.error("bad annotations", extra=facts)
            return None

    def _pods_changed(self, revision_id: RevisionId) -> None:
        gate = self._gates.get(revision_id)
        if gate is not None and not self._closed:
            gate.set_pods(self._pods.pods(revision_id))
