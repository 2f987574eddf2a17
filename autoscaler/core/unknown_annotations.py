"""Annotations that look like settings and are read by nobody: most are spelling mistakes.

They refuse no revision, for an older program must live with the annotations of a newer one. They
are told, with the name that was probably meant.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from autoscaler.core.settings import NAMES, PREFIX
from servingkit.core.annotation_names import OUR_PREFIX, OURS
from servingkit.setting_reader import kebab_case

OF_OTHERS: Final = frozenset(
    {
        # Knative's extension for KEDA, whose revisions may be tried here as they are.
        "extra-prometheus-triggers",
        "hpa-scale-down-rules",
        "hpa-scale-up-rules",
        "metric-type",
        "prometheus-address",
        "prometheus-query",
        "scaled-object-override",
        "scaling-modifiers",
        "trigger-prometheus-auth-kind",
        "trigger-prometheus-auth-modes",
        "trigger-prometheus-auth-name",
        "trigger-prometheus-name",
    }
)
"""Names after Knative's prefix that mean something to another program, and nothing here."""

_KEYS: Final = {name: PREFIX + name for name in NAMES} | {name: OUR_PREFIX + name for name in OURS}
_LEAST_LIKENESS_RATIO: Final = 0.7


def unknown_annotations(keys: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence for each annotation with our prefix or Knative's that nobody reads."""
    return tuple(_sentence(key) for key in sorted(keys) if not _is_known(key))


def _is_known(key: str) -> bool:
    if key.startswith(OUR_PREFIX):
        return key.removeprefix(OUR_PREFIX) in OURS
    if key.startswith(PREFIX):
        return kebab_case(key.removeprefix(PREFIX)) in NAMES | OF_OTHERS
    return True


def _sentence(key: str) -> str:
    name = kebab_case(key.rpartition("/")[2])
    alike = get_close_matches(name, _KEYS, n=1, cutoff=_LEAST_LIKENESS_RATIO)
    return f"nobody reads {key}" + "".join(f"; is {_KEYS[found]} meant?" for found in alike)
