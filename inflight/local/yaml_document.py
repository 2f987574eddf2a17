"""A YAML file as keys with values, or the problem with it."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from servingkit.config import Problem


def read_document(path: Path, problems: list[Problem]) -> Mapping[object, object] | None:
    """Return what a file says; None when it cannot be used, which is noted."""
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem("FILE", str(path), f"a file that can be read ({error})"))
    except yaml.YAMLError as error:
        problems.append(Problem("FILE", str(path), f"a YAML file ({error})"))
    else:
        if isinstance(document, dict):
            return document
        problems.append(Problem("FILE", str(path), "a YAML file with keys and values"))
    return None
