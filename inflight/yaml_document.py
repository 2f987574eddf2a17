"""A YAML file as keys with values, or the problem with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, ScalarNode

from servingkit.config import Problem


class DeepYamlError(yaml.YAMLError):
    """A document that is nested too deep to be read."""


class _Loader(yaml.SafeLoader):
    """Refuses keys that are there twice, which YAML forbids and PyYAML takes the last of."""

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> MappingNode:
        """Return the mapping as it is written, before `<<` is obeyed."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, ScalarNode):
                if key.value in seen:
                    message = f"the key {key.value!r} is there twice"
                    raise yaml.MarkedYAMLError(problem=message, problem_mark=key.start_mark)
                seen.add(key.value)
        return node


def read_document(path: Path, key: str, problems: list[Problem]) -> Mapping[object, object] | None:
    """Return what a file says; None when it cannot be used, which is noted under `key`."""
    try:
        document = load_yaml(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(key, str(path), f"a file that can be read ({error})"))
    except yaml.YAMLError as error:
        problems.append(Problem(key, str(path), f"a YAML file ({' '.join(str(error).split())})"))
    else:
        if isinstance(document, dict):
            return document
        problems.append(Problem(key, str(path), "a YAML file with keys and values"))
    return None


def load_yaml(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> object:
    """Return what a text holds. Raises yaml.YAMLError, also where PyYAML would recurse too deep."""
    try:
        return yaml.load(text, loader)  # noqa: S506 -- every SafeLoader is safe
    except RecursionError as error:
        message = "nested too deep"
        raise DeepYamlError(message) from error
