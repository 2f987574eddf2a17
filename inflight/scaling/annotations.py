"""Reads the settings of one revision as a person wrote them: scaling, and admission."""

from typing import Final

from activator.core.admission_settings import NAMES, AdmissionSettings, read_admission_settings
from autoscaler.core.additions import OUR_NAMES, OUR_PREFIX
from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import PREFIX, parse_annotations
from controller.core.pod_settings import OF_THE_POD, OF_THE_REVISION
from inflight.scaling.fields import Fields
from servingkit.config import ConfigError, Problem

_OURS: Final = frozenset((*NAMES, *OUR_NAMES, *OF_THE_POD, *OF_THE_REVISION))
"""What any program reads after our prefix. Each of them leaves the others' names alone, so here is
the place where one that nobody reads is noticed."""


def read_annotations(fields: Fields, defaults: Defaults, problems: list[Problem]) -> dict[str, str]:
    """Return the annotations from the keys `scaling` and `annotations`.

    What is wrong with them goes to `problems`, under the names that the person wrote.
    """
    scaling, others = fields.inner("scaling"), fields.inner("annotations")
    annotations = others.text_by_name()
    written = {key: others.label(key) for key in annotations}
    for name, value in scaling.text_by_name().items():
        key = (OUR_PREFIX if name in OUR_NAMES else PREFIX) + name
        if key in annotations:
            scaling.reject(name, f"to be given once; {written[key]} is there too")
        annotations[key] = value
        written[key] = scaling.label(name)
    problems += (
        Problem(written[key], value, f"one of these after {OUR_PREFIX}: {', '.join(sorted(_OURS))}")
        for key, value in annotations.items()
        if key.startswith(OUR_PREFIX) and key.removeprefix(OUR_PREFIX) not in _OURS
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
