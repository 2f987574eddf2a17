import io

import pytest
from rich.console import Console, RenderableType

from inflight.status.api_client import RevisionList
from inflight.status.view import clock, detail_view, event_sentence, list_view
from tests.autoscaler.test_metrics import STATUS
from tests.inflight.status.details import detail


def shown(view: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=140, color_system=None).print(view)
    return file.getvalue()


def test_all_revisions_are_shown_with_a_sentence_each() -> None:
    text = shown(list_view(RevisionList([STATUS], total=7)))
    (line,) = (line for line in text.splitlines() if line.startswith(" default/iris "))
    assert line.split() == ["default/iris", "4.0", "12.0", "3", "1", "1", "2", "panic"]
    assert "default/iris: 3 pods: because" in text
    assert "the first 1 of 7" in text


def test_no_revision_is_said_in_words() -> None:
    assert shown(list_view(RevisionList([]))) == "no revision is being scaled\n"


def test_one_revision_is_shown_with_its_load_and_decisions() -> None:
    text = shown(detail_view(detail(None, 0.0, 4.0, 8.0)))
    assert "default/iris  active, proxy mode, panic" in text
    assert "3.5 over 60 s, 4.5 over 6 s; target 7 a pod" in text
    assert "·▁▅█" in text
    assert "up to 8.0" in text
    assert "1 → 3" in text
    assert "vllm:num_requests_waiting  12.0, 20.0 over the same windows; target 5 a pod" in text
    assert "queue_depth                nothing is known" in text
    assert "expected                   30.0 in 60 s, for 4 pods (preview)" in text
    assert "unknown                    nobody reads inflight.dev/port-; is" in text
    assert "3 desired, 1 ready, 1 starting, 2 ending" in text


def test_requests_a_second_are_shown_where_they_decide() -> None:
    text = shown(detail_view(detail(1.0, 2.0, metric="rps")))
    assert "requests a second" in text
    assert "▅█" in text
    assert "up to 4.0" in text


@pytest.mark.parametrize(
    ("seconds", "bars"),
    [
        pytest.param((0.0, 0.0), "▁▁", id="silence"),
        pytest.param((None, None), "··", id="nothing known"),
        pytest.param(tuple([0.0] * 119 + [1.0]), "▁" * 59 + "█", id="a long window"),
    ],
)
def test_the_load_is_drawn_in_at_most_sixty_bars(
    seconds: tuple[float | None, ...], bars: str
) -> None:
    lines = shown(detail_view(detail(*seconds))).splitlines()
    (line,) = (line for line in lines if line.startswith("last "))
    assert line.partition(" s ")[2].strip() == bars


def test_an_event_is_one_line() -> None:
    event: dict[str, object] = {
        "at_s": 0.0,
        "name": "scale changed",
        "namespace": "default",
        "revision": "iris",
        "reason": "3 pods: because",
        "facts": {"from_pods": 1, "to_pods": 3},
    }
    assert event_sentence(event).endswith(
        " default/iris scale changed from_pods=1 to_pods=3: 3 pods: because"
    )
    assert clock("noon") == "?"


def test_names_are_shown_whole_where_there_is_little_room() -> None:
    file = io.StringIO()
    Console(file=file, width=80, color_system=None).print(list_view(RevisionList([STATUS])))
    assert "\n default/iris " in file.getvalue()
