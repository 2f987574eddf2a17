import pytest

from autoscaler.core.defaults import HPA_CLASS, Defaults
from autoscaler.core.hpa_settings import HpaSettings, parse_hpa_annotations
from autoscaler.core.settings import KPA_ONLY_NAMES, PREFIX, autoscaler_class
from servingkit.config import ConfigError


def named(**annotations: str) -> dict[str, str]:
    return {PREFIX + name.replace("_", "-"): value for name, value in annotations.items()}


def test_nothing_said_is_cpu_with_at_least_one_pod() -> None:
    assert parse_hpa_annotations(named(), Defaults()) == HpaSettings(
        metric="cpu", target=None, min_scale=1, max_scale=0, stabilisation_window_s=None
    )


def test_all_that_the_cluster_can_use_is_read() -> None:
    annotations = named(
        **{"class": HPA_CLASS},
        metric="queue_length",
        target="80",
        min_scale="2",
        max_scale="9",
        window="2m",
    )
    assert parse_hpa_annotations(annotations, Defaults()) == HpaSettings(
        metric="queue_length", target=80, min_scale=2, max_scale=9, stabilisation_window_s=120
    )


@pytest.mark.parametrize(
    ("defaults", "own"),
    [(Defaults(max_scale=3), {"min_scale": "5"}), (Defaults(min_scale=5), {"max_scale": "3"})],
    ids=["default of max-scale", "default of min-scale"],
)
def test_a_default_refuses_no_revision_and_max_scale_wins(
    defaults: Defaults, own: dict[str, str]
) -> None:
    settings = parse_hpa_annotations(named(**own), defaults)
    assert (settings.min_scale, settings.max_scale) == (3, 3)


@pytest.mark.parametrize("name", KPA_ONLY_NAMES)
def test_what_only_the_kpa_uses_is_no_mistake(name: str) -> None:
    parse_hpa_annotations({PREFIX + name: "1"}, Defaults())


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ({"metric": ""}, "metric: ''; expected cpu, memory"),
        ({"target": "0"}, "target: '0'; expected a number"),
        ({"min-scale": "5", "max-scale": "3"}, "expected 0 (no limit) or at least min-scale, 5"),
    ],
)
def test_mistakes_are_named(annotations: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_hpa_annotations(
            {PREFIX + name: value for name, value in annotations.items()}, Defaults()
        )
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("annotations", "default", "chosen"),
    [
        ({}, "kpa.autoscaling.knative.dev", "kpa.autoscaling.knative.dev"),
        ({}, HPA_CLASS, HPA_CLASS),
        ({PREFIX + "class": HPA_CLASS, PREFIX + "target": "bad"}, "keda.sh", HPA_CLASS),
        ({PREFIX + "class": "keda.sh"}, HPA_CLASS, "keda.sh"),
    ],
)
def test_the_class_says_whose_revision_it_is(
    annotations: dict[str, str], default: str, chosen: str
) -> None:
    assert autoscaler_class(annotations, Defaults(pod_autoscaler_class=default)) == chosen
