"""What `inflight status` is asked for."""

from dataclasses import dataclass

from servingkit.core.revision import RevisionId


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSettings:
    """Whom to ask, and for what."""

    api: str
    """Address of the autoscaler's API, without a slash at its end."""

    revision: RevisionId | None
    """None: all of them."""

    watch: bool
    json: bool
