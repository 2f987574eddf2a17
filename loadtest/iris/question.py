"""What a client asks the iris model in the V1 protocol, and whether the answer is right."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from loadtest.iris.flowers import Flower

PATH = "/v1/models/iris:predict"
SHOWN_CHARACTERS = 200
"""So much of a wrong answer is shown."""


@dataclass(frozen=True, slots=True)
class Question:
    """A prediction asked for some flowers, whose species the client knows."""

    flowers: Sequence[Flower]

    def payload(self) -> dict[str, object]:
        """Return the body to POST to `PATH` as JSON."""
        return {"instances": [flower.measures_cm for flower in self.flowers]}

    def fault_in(self, status: int, body: bytes) -> str:
        """Say what is wrong with an answer; empty when every flower has its species."""
        shown = body[:SHOWN_CHARACTERS].decode(errors="replace")
        if status != HTTPStatus.OK:
            return f"status {status}: {shown}"
        expected = {"predictions": [flower.species for flower in self.flowers]}
        try:
            answered = json.loads(body)
        except ValueError:
            return f"not JSON: {shown}"
        return "" if answered == expected else f"wrong species: {shown}"
