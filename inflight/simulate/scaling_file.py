"""Reads the settings that `--compare` lays side by side: YAML, keys of a revision file."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from inflight.scaling.fields import Fields
from servingkit.config import Problem

_KEYS = ("containerConcurrency", "scaling", "annotations")


def read_scaling_file(path: Path, problems: list[Problem]) -> Fields:
    """Return the settings of a file; what is wrong goes to `problems`."""
    values: object = {}
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem("--compare", str(path), f"a file that can be read ({error})"))
    except yaml.YAMLError as error:
        problems.append(Problem("--compare", str(path), f"a YAML file ({error})"))
    else:
        if not isinstance(values, Mapping):
            problems.append(Problem("--compare", str(path), f"the keys {', '.join(_KEYS)}"))
    mapping = values if isinstance(values, Mapping) else {}
    fields = Fields(mapping, problems, f"{path}: {{}}".format)
    fields.only(_KEYS)
    return fields
