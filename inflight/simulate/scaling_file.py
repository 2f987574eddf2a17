"""Reads the settings that `--compare` lays side by side: YAML, keys of a revision file."""

from pathlib import Path

from inflight.scaling.fields import Fields
from inflight.yaml_document import read_document
from servingkit.config import Problem

_KEYS = ("containerConcurrency", "scaling", "annotations")


def read_scaling_file(path: Path, problems: list[Problem]) -> Fields:
    """Return the settings of a file; what is wrong goes to `problems`."""
    fields = Fields(
        read_document(path, "--compare", problems) or {}, problems, f"{path}: {{}}".format
    )
    fields.only(_KEYS)
    return fields
