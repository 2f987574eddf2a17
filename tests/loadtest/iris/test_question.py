import json

import pytest

from loadtest.iris.flowers import read_flowers
from loadtest.iris.question import Question

QUESTION = Question(read_flowers()[49:51])


def test_question_is_a_request_of_the_v1_protocol() -> None:
    assert json.loads(json.dumps(QUESTION.payload())) == {
        "instances": [[5.0, 3.3, 1.4, 0.2], [7.0, 3.2, 4.7, 1.4]]
    }


def test_right_species_are_no_fault() -> None:
    assert QUESTION.fault_in(200, b'{"predictions": [0, 1]}') == ""


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        pytest.param(200, b'{"predictions": [0, 2]}', "wrong species", id="wrong species"),
        pytest.param(200, b'{"predictions": [0]}', "wrong species", id="one too few"),
        pytest.param(200, b"[]", "wrong species", id="another shape"),
        pytest.param(200, b"<html>", "not JSON: <html>", id="not JSON"),
        pytest.param(200, b"\xff", "not JSON", id="not text"),
        pytest.param(503, b"no capacity", "status 503: no capacity", id="refused"),
        pytest.param(0, b"", "status 0", id="no answer"),
    ],
)
def test_anything_else_is_a_fault_in_words(status: int, body: bytes, fault: str) -> None:
    assert QUESTION.fault_in(status, body).startswith(fault)
