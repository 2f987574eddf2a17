"""The revision file: YAML with the key `revisions`, a list, and perhaps `routes`."""

from pathlib import Path

from inflight.local.revision_reader import RevisionReader
from inflight.scaling.fields import Fields
from inflight.yaml_document import read_document
from servingkit.config import Problem

FILE_KEYS = ("revisions", "routes", "gatewayPort")

_EXPECTED = "a YAML file with the key revisions, a list of at least one"


def read_revision_file(path: Path, reader: RevisionReader) -> None:
    """Read all revisions of a file; what is wrong goes to the reader's problems.

    A file with routes may do without revisions: they may stand in another one.
    """
    document = read_document(path, "FILE", reader.problems)
    if document is None:
        return
    revisions = document.get("revisions")
    if not isinstance(revisions, list | None) or (not revisions and "routes" not in document):
        reader.problems.append(Problem("FILE", str(path), _EXPECTED))
        return
    fields = Fields(document, reader.problems, str)
    fields.only(FILE_KEYS)
    for revision in fields.inners("revisions"):
        reader.read(revision, path.parent)
