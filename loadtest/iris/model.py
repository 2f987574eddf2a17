"""The classifier as a KServe model."""

from collections.abc import Mapping, Sequence

import numpy as np
from kserve import Model
from kserve.errors import InvalidInput
from sklearn.ensemble import RandomForestClassifier

from loadtest.iris.flowers import read_flowers

MEASURES = 4


def parse_instances(payload: object) -> np.ndarray:
    """Return the rows of a V1 request, one a flower. Raises InvalidInput, which becomes a 400."""
    instances = payload.get("instances") if isinstance(payload, Mapping) else None
    try:
        rows = np.asarray(instances, dtype=float)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.shape != (len(rows), MEASURES) or not np.isfinite(rows).all():
        message = f"instances: expected rows of {MEASURES} finite numbers"
        raise InvalidInput(message)
    return rows


class IrisModel(Model):  # type: ignore[misc]  # kserve ships no types
    """A forest of 100 trees: some 5 ms of CPU a request, and right on every known flower."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        flowers = read_flowers()
        self._forest = RandomForestClassifier(random_state=0)
        self._forest.fit(
            [flower.measures_cm for flower in flowers], [flower.species for flower in flowers]
        )
        self.ready = True

    def predict(
        self, payload: object, headers: Mapping[str, str] | None = None
    ) -> dict[str, Sequence[int]]:
        """Answer one class for each instance."""
        del headers
        return {"predictions": self._forest.predict(parse_instances(payload)).tolist()}
