"""The revision file: YAML with the key `revisions`, a list."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import yaml

from inflight.local.revision_reader import RevisionReader
from inflight.scaling.fields import Fields
from servingkit.config import Problem

_EXPECTED = "a YAML file with the key revisions, a list of at least one"


def read_revision_file(path: Path, reader: RevisionReader) -> None:
    """Read all revisions of a file; what is wrong goes to the reader's problems."""
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        reader.problems.append(Problem("FILE", str(path), f"a file that can be read ({error})"))
        return
    except yaml.YAMLError as error:
        reader.problems.append(Problem("FILE", str(path), f"a YAML file ({error})"))
        return
    revisions = document.get("revisions") if isinstance(document, dict) else None
    if not isinstance(revisions, list) or not revisions:
        reader.problems.append(Problem("FILE", str(path), _EXPECTED))
        return
    Fields(document, reader.problems, str).only(("revisions",))
    for index, values in enumerate(revisions):
        prefix = f"revisions[{index}]"
        if isinstance(values, Mapping):
            fields = Fields(values, reader.problems, partial(_label, prefix))
            reader.read(fields, path.parent)
        else:
            expected = "a revision: keys with values"
            reader.problems.append(Problem(prefix, str(values), expected))


def _label(prefix: str, path: str) -> str:
    return f"{prefix}.{path}"
