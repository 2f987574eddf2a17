import pytest

from autoscaler.core.settings import NAMES
from autoscaler.core.unknown_annotations import OF_OTHERS, unknown_annotations
from servingkit.core.annotation_names import OURS

OUR, KNATIVE = "inflight.dev/", "autoscaling.knative.dev/"


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        pytest.param(KNATIVE + "min-scal", KNATIVE + "min-scale", id="letter missing"),
        pytest.param(KNATIVE + "maxSkale", KNATIVE + "max-scale", id="older spelling"),
        pytest.param(OUR + "schedule", OUR + "schedules", id="of the autoscaler"),
        pytest.param(OUR + "lb-polcy", OUR + "lb-policy", id="of the activator"),
        pytest.param(OUR + "queue_depth", OUR + "queue-depth", id="of the pod"),
        pytest.param(OUR + "target", KNATIVE + "target", id="prefix ours"),
        pytest.param(KNATIVE + "schedules", OUR + "schedules", id="prefix Knative's"),
    ],
)
def test_a_misspelled_annotation_is_told_with_the_one_that_was_meant(key: str, meant: str) -> None:
    assert unknown_annotations({key: "1"}) == (f"nobody reads {key}; is {meant} meant?",)


def test_one_that_is_like_no_other_is_told_alone() -> None:
    assert unknown_annotations([OUR + "colour"]) == (f"nobody reads {OUR}colour",)


def test_each_is_told_in_the_order_of_the_keys() -> None:
    said = unknown_annotations([OUR + "zzz", KNATIVE + "target", KNATIVE + "yyy"])
    assert said == (f"nobody reads {KNATIVE}yyy", f"nobody reads {OUR}zzz")


def test_what_somebody_reads_is_not_told() -> None:
    keys = {
        *(OUR + name for name in OURS),
        *(KNATIVE + name for name in NAMES | OF_OTHERS),
        KNATIVE + "minScale",
        "serving.knative.dev/creator",
        "kubectl.kubernetes.io/last-applied-configuration",
    }
    assert unknown_annotations(keys) == ()


def test_no_name_has_two_meanings() -> None:
    assert not NAMES & OURS
    assert not OF_OTHERS & NAMES
