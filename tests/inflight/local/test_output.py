import io
import json

from inflight.local.event import Event
from inflight.local.output import JsonOutput, PlainOutput, Started
from servingkit.core.revision import RevisionId
from tests.inflight.local.rows import IRIS, row

STARTED = Started(api="http://127.0.0.1:8081", urls={IRIS: "http://127.0.0.1:8000"})
LOST = Event(
    name="pod failed",
    revision=RevisionId("default", "iris"),
    sentence="pod iris-00001 lost its model: exit code 3",
    facts={"pod": "iris-00001", "container": "model"},
    last_lines=("no weights", "good bye"),
)


def test_json_is_one_object_a_line_and_addresses_come_first() -> None:
    stream = io.StringIO()
    with JsonOutput(stream) as output:
        output.show_start(STARTED)
        output.show_event(LOST, 1.23456)
        output.show_tick([row(ready_pods=2, held_requests=7)], 2.0)
    started, lost, tick = (json.loads(line) for line in stream.getvalue().splitlines())
    assert started == {
        "event": "started",
        "api": "http://127.0.0.1:8081",
        "revisions": [{"namespace": "default", "name": "iris", "url": "http://127.0.0.1:8000"}],
    }
    assert lost == {
        "event": "pod failed",
        "at_s": 1.235,
        "namespace": "default",
        "revision": "iris",
        "pod": "iris-00001",
        "container": "model",
        "last_lines": ["no weights", "good bye"],
    }
    assert (tick["event"], tick["at_s"]) == ("tick", 2.0)
    (revision,) = tick["revisions"]
    assert (revision["name"], revision["ready_pods"], revision["held_requests"]) == ("iris", 2, 7)
    assert revision["url"] == "http://127.0.0.1:8000"


def test_plain_output_is_a_sentence_an_event_and_silent_on_ticks() -> None:
    stream = io.StringIO()
    with PlainOutput(stream) as output:
        output.show_start(STARTED)
        output.show_event(LOST, 1.26)
        output.show_tick([row()], 2.0)
    assert stream.getvalue().splitlines() == [
        "     0.0s default/iris listens on http://127.0.0.1:8000",
        "     0.0s control API on http://127.0.0.1:8081",
        "     1.3s pod iris-00001 lost its model: exit code 3",
        "          | no weights",
        "          | good bye",
    ]
