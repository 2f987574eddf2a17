"""Reads the settings of one revision as a person wrote them: scaling, and admission."""

from typing import Final

from activator.core.admission_settings import AdmissionSettings, read_admission_settings
from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import NAMES, PREFIX, parse_annotations
from inflight.scaling.fields import Fields
from servingkit.config import ConfigError, Problem
from servingkit.core.annotation_names import OF_SCALING, OUR_PREFIX, OURS
from servingkit.setting_reader import kebab_case

_SCALING: Final = NAMES | frozenset(OF_SCALING)
"""What may stand under `scaling`, without a prefix."""


def read_annotations(fields: Fields, defaults: Defaults, problems: list[Problem]) -> dict[str, str]:
    """Return the annotations from the keys `scaling` and `annotations`.

    What is wrong with them goes to `problems`, under the names that the person wrote.
    """
    scaling, others = fields.inner("scaling"), fields.inner("annotations")
    annotations = others.text_by_name()
    written = {key: others.label(key) for key in annotations}
    for name, value in scaling.text_by_name().items():
        if kebab_case(name) not in _SCALING:
            scaling.reject(name, f"one of {', '.join(sorted(_SCALING))}")
            continue
        key = (OUR_PREFIX if name in OF_SCALING else PREFIX) + name
        if key in annotations:
            scaling.reject(name, f"to be given once; {written[key]} is there too")
        annotations[key] = value
        written[key] = scaling.label(name)
    # Programs leave each other's annotations alone, so those that nobody reads are noticed here.
    for prefix, names in ((OUR_PREFIX, OURS), (PREFIX, NAMES)):
        problems += (
            Problem(written[key], value, f"one of these after {prefix}: {', '.join(sorted(names))}")
            for key, value in annotations.items()
            if key.startswith(prefix) and kebab_case(key.removeprefix(prefix)) not in names
        )
    for check in (
        lambda: parse_annotations(annotations, defaults),
        lambda: read_admission_settings(annotations, AdmissionSettings()),
    ):
        try:
            check()
        except ConfigError as error:
            problems += (
                Problem(written.get(problem.key, problem.key), problem.value, problem.expected)
                for problem in error.problems
            )
    return annotations
