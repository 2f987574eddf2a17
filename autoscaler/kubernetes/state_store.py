"""What must outlive the autoscaler, as an annotation of the private Service (`RevisionStates`)."""

import dataclasses
import logging

import msgspec

from autoscaler.kubernetes.leadership import Leadership
from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.names import STATE, private_name
from servingkit.cluster.kubernetes.core.objects import ServiceObject
from servingkit.cluster.kubernetes.core.resource import SERVICES
from servingkit.cluster.kubernetes.reflector import Key, Reflector
from servingkit.core.revision import RevisionId
from servingkit.core.revision_state import RevisionState

_log = logging.getLogger(__name__)


class StateStore:
    """Reads states from the cache of Services, and patches them."""

    def __init__(
        self, api: ApiClient, services: Reflector[ServiceObject], leadership: Leadership
    ) -> None:
        self._api = api
        self._services = services
        self._leadership = leadership
        self._unreadable: dict[RevisionId, str] = {}
        """What was told of already."""

    def state(self, revision: RevisionId) -> RevisionState | None:
        """Return what was saved last; None when nothing was, or what was cannot be read."""
        key = Key(revision.namespace, private_name(revision.name))
        service = self._services.objects.get(key)
        text = service.metadata.annotation(STATE) if service is not None else None
        if not text:
            return None
        try:
            return msgspec.json.decode(text, type=RevisionState)
        except msgspec.MsgspecError as error:
            if self._unreadable.get(revision) != text:  # this is asked at each tick
                self._unreadable[revision] = text
                facts = {"revision": str(revision), "reason": str(error)}
                _log.warning("state not read", extra=facts)
            return None

    async def save_state(self, revision: RevisionId, state: RevisionState) -> None:
        """Keep `state` instead of what was kept before. Raises ClusterError."""
        self._leadership.require()
        text = msgspec.json.encode(dataclasses.asdict(state)).decode()
        changes = {"metadata": {"annotations": {STATE: text}}}
        name = private_name(revision.name)
        await self._api.patch(SERVICES, revision.namespace, name, changes)
