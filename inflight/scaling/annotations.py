"""Reads the settings of one revision as a person wrote them: scaling, and admission."""

from activator.core.admission_settings import AdmissionSettings, read_admission_settings
from autoscaler.core.additions import OUR_NAMES, OUR_PREFIX
from autoscaler.core.defaults import Defaults
from autoscaler.core.settings import PREFIX, parse_annotations
from inflight.scaling.fields import Fields
from servingkit.config import ConfigError, Problem


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
