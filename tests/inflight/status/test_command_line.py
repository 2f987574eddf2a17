import argparse
from collections.abc import Mapping

import pytest

from inflight.status.command_line import add_options, read_settings
from inflight.status.settings import StatusSettings
from servingkit.config import ConfigError
from servingkit.core.revision import RevisionId


def settings(*arguments: str, environment: Mapping[str, str] | None = None) -> StatusSettings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_settings(parser.parse_args(arguments), environment or {})


def test_by_default_all_revisions_of_this_machine_are_shown() -> None:
    assert settings() == StatusSettings(
        api="http://127.0.0.1:8081", revision=None, watch=False, json=False
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [("prod/iris", RevisionId("prod", "iris")), ("iris", RevisionId("default", "iris"))],
)
def test_a_name_alone_is_in_the_namespace_default(name: str, expected: RevisionId) -> None:
    assert settings(name, "--watch", "--json").revision == expected


def test_the_option_goes_before_the_environment() -> None:
    environment = {"INFLIGHT_API": "http://there:1/"}
    assert settings(environment=environment).api == "http://there:1"
    assert settings("--api", "https://here", environment=environment).api == "https://here"


@pytest.mark.parametrize(
    ("arguments", "environment", "key"),
    [
        (["--api", "localhost:8081"], {}, "--api"),
        (["--api", "http://x:port"], {}, "--api"),
        ([], {"INFLIGHT_API": "nonsense"}, "INFLIGHT_API"),
        (["a/b/c"], {}, "NAMESPACE/NAME"),
        (["/iris"], {}, "NAMESPACE/NAME"),
        (["prod/"], {}, "NAMESPACE/NAME"),
    ],
)
def test_what_cannot_be_used_is_named(
    arguments: list[str], environment: Mapping[str, str], key: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(*arguments, environment=environment)
    assert [problem.key for problem in caught.value.problems] == [key]
