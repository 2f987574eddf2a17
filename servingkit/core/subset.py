"""Which members of a group serve one key: the same for everybody who asks, and steady.

Rendezvous hashing: each member has a score for each key, and the highest scores win. When a member
comes or goes, only the keys that it wins or had won change. Knative's counterpart is a ring of
2048 positions; nothing on the wire depends on which of the two is used.
"""

from collections.abc import Collection
from hashlib import blake2b


def choose_subset(names: Collection[str], count: int, key: str) -> tuple[str, ...]:
    """Return `count` of `names`, or all when there are no more, in the order of the names."""
    if len(names) <= count:
        return tuple(sorted(names))
    by_score = sorted(names, key=lambda name: _score(name, key), reverse=True)
    return tuple(sorted(by_score[:count]))


def _score(name: str, key: str) -> bytes:
    return blake2b(f"{key}\0{name}".encode(), digest_size=8).digest()
