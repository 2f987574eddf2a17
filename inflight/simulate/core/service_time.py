"""How long a pod works on a request; it does not depend on what else the pod does."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist

Uniform = Callable[[], float]
"""Draws a random number from 0 to below 1."""

_LEAST_CHANCE = 2.0**-53


class Distribution(Enum):
    """How service times spread around their mean."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTime:
    """Service times of one model."""

    mean_s: float
    distribution: Distribution = Distribution.FIXED
    variation_ratio: float = 1.0
    """Standard deviation over mean, of lognormal times."""

    def draws(self, uniform: Uniform) -> Callable[[], float]:
        """Return what draws one service time after the other, seconds."""
        mean_s = self.mean_s
        match self.distribution:
            case Distribution.FIXED:
                return lambda: mean_s
            case Distribution.EXPONENTIAL:
                return lambda: exponential(uniform, mean_s)
            case Distribution.LOGNORMAL:
                return self._lognormal(uniform)

    def _lognormal(self, uniform: Uniform) -> Callable[[], float]:
        variance = math.log1p(self.variation_ratio**2)
        logarithms = NormalDist(math.log(self.mean_s) - variance / 2, math.sqrt(variance))
        return lambda: math.exp(logarithms.inv_cdf(uniform() or _LEAST_CHANCE))


def exponential(uniform: Uniform, mean_s: float) -> float:
    """Draw the time until the next of events that come at random, `mean_s` apart on average."""
    return -mean_s * math.log(1.0 - uniform())
