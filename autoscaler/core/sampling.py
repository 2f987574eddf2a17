"""Which pods of a large revision to ask for their stats: enough for the mean, not all of them.

Source of the sizes: Knative's `populationMeanSampleSize` (95 % confidence, a margin of 10 units at
a variance of 100). Knative draws pods at random, old ones first; here those go first that were not
heard for longest, so that every pod has its turn and a silent one is noticed.
"""

import math
from collections.abc import Mapping, Sequence

from servingkit.core.revision import Pod

_ALL_UP_TO = 3
_SIZE_AT_INFINITY = 1.96**2 * 100 / 25


def sample_size(pods: int) -> int:
    """Return how many of `pods` to ask. 3 of 3, 7 of 10, 14 of 100, 16 of any number."""
    if pods <= _ALL_UP_TO:
        return pods
    return math.ceil(pods * _SIZE_AT_INFINITY / (pods + _SIZE_AT_INFINITY - 1))


def by_silence(pods: Sequence[Pod], heard_at: Mapping[str, float]) -> list[Pod]:
    """Return the pods in the order of asking; the first `sample_size` suffice if they answer."""
    return sorted(pods, key=lambda pod: heard_at.get(pod.name, -math.inf))
