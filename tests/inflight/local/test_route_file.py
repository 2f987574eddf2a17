"""Routes in a YAML file: what is taken, and what is refused with which words."""

from pathlib import Path

import pytest

from inflight.local.route_file import RouteFiles, read_route_files
from servingkit.config import Problem
from servingkit.core.revision import RevisionId
from servingkit.core.route import Backend, Mirror, Route, RouteId

ONE, TWO = RevisionId("default", "iris-1"), RevisionId("default", "iris-2")


def read(folder: Path, *texts: str) -> tuple[RouteFiles, list[Problem]]:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.yaml")
        paths[-1].write_text(text)
    problems: list[Problem] = []
    return read_route_files(paths, {ONE, TWO}, problems), problems


def test_all_keys(tmp_path: Path) -> None:
    files, problems = read(
        tmp_path,
        """
        gatewayPort: 0
        routes:
          - name: iris
            hosts: [iris.example.com, "*.Iris.example.com", "*"]
            path: /v1
            traffic:
              - {revision: iris-1, percent: 90, tag: stable}
              - {revision: iris-2, percent: 10}
            mirror: {revision: iris-2, percent: 2.5}
            stickyHeader: X-User
        """,
    )
    assert not problems
    assert files == RouteFiles(
        gateway_port=0,
        routes=(
            Route(
                id=RouteId("default", "iris"),
                hosts=("iris.example.com", "*.iris.example.com", "*"),
                path_prefix="/v1",
                backends=(
                    Backend(revision=ONE, weight=90, tag="stable"),
                    Backend(revision=TWO, weight=10),
                ),
                mirror=Mirror(revision=TWO, percent=2.5),
                sticky_header="x-user",
            ),
        ),
    )


def test_several_files_make_one_set_of_routes(tmp_path: Path) -> None:
    route = "routes: [{{name: {0}, traffic: [{{revision: iris-1, percent: 100}}]}}]"
    files, problems = read(tmp_path, route.format("a"), "revisions: []", route.format("b"))
    assert not problems
    assert [route.id.name for route in files.routes] == ["a", "b"]
    assert files.gateway_port == 8080


def test_without_the_key_there_is_no_gateway(tmp_path: Path) -> None:
    files, _ = read(tmp_path, "revisions: []")
    assert files == RouteFiles(routes=(), gateway_port=None)
    files, _ = read(tmp_path, "routes: []")
    assert files.gateway_port == 8080


GOOD = "traffic: [{revision: iris-1, percent: 100}]"


@pytest.mark.parametrize(
    ("route", "key", "expected"),
    [
        (GOOD, "routes[0].name", "a name of at most 63"),
        (f"name: Iris, {GOOD}", "routes[0].name", "a name of at most 63"),
        ("name: iris", "routes[0].traffic", "percents that sum up to 100"),
        (
            "name: iris, traffic: [{revision: iris-1, percent: 90}]",
            "routes[0].traffic",
            "percents that sum up to 100",
        ),
        (
            "name: iris, traffic: [{revision: iris-1, percent: 101}]",
            "routes[0].traffic[0].percent",
            "a whole number from 0 to 100",
        ),
        (
            "name: iris, traffic: [{revision: iris-9, percent: 100}]",
            "routes[0].traffic[0].revision",
            "a revision of the namespace default (iris-1, iris-2)",
        ),
        (
            "name: iris, traffic: [{revision: iris-1, weight: 1, percent: 100}]",
            "routes[0].traffic[0].weight",
            "one of the keys revision, percent, tag",
        ),
        (
            "name: iris, traffic: [{revision: iris-1, tag: a}, {revision: iris-2, tag: a}]",
            "routes[0].traffic[1].tag",
            "a tag that nothing else of the route has",
        ),
        ("name: iris, traffic: [iris-1]", "routes[0].traffic[0]", "keys with values"),
        (f"name: iris, host: a, {GOOD}", "routes[0].host", "one of the keys name, namespace"),
        (f"name: iris, hosts: ['a:80'], {GOOD}", "routes[0].hosts", "host names without a port"),
        (f"name: iris, hosts: ['a.*'], {GOOD}", "routes[0].hosts", "host names without a port"),
        (f"name: iris, path: v1, {GOOD}", "routes[0].path", "a path as /v1"),
        (f"name: iris, path: '/a?b', {GOOD}", "routes[0].path", "a path as /v1"),
        (f"name: iris, stickyHeader: 'a b', {GOOD}", "routes[0].stickyHeader", "the name of a"),
        (
            f"name: iris, mirror: {{revision: iris-2, percent: 0}}, {GOOD}",
            "routes[0].mirror.percent",
            "a number above 0, at most 100",
        ),
        (
            f"name: iris, mirror: {{revision: nobody, percent: 1}}, {GOOD}",
            "routes[0].mirror.revision",
            "a revision of the namespace default",
        ),
    ],
)
def test_a_bad_route_is_refused_with_key_value_and_what_was_expected(
    tmp_path: Path, route: str, key: str, expected: str
) -> None:
    _, problems = read(tmp_path, f"routes: [{{{route}}}]")
    told = {problem.key: problem.expected for problem in problems}
    assert key in told
    assert told[key].startswith(expected)


def test_routes_that_want_the_same_are_refused(tmp_path: Path) -> None:
    _, problems = read(
        tmp_path,
        f"""
        routes:
        - {{name: a, hosts: [h.example.com], path: /v1, {GOOD}}}
        - {{name: b, hosts: [h.example.com], path: /v1/, {GOOD}}}
        - {{name: a, hosts: [h.example.com], path: /v2, {GOOD}}}
        """,
    )
    assert [problem.key for problem in problems] == ["routes[1].hosts", "routes[2].name"]


@pytest.mark.parametrize("text", ["a: [", "- 1", "", "routes: 3", "routes: [iris]"])
def test_a_file_that_is_none_is_one_problem(tmp_path: Path, text: str) -> None:
    _, problems = read(tmp_path, text)
    assert len(problems) == 1


def test_a_file_that_is_away_is_one_problem(tmp_path: Path) -> None:
    problems: list[Problem] = []
    read_route_files([tmp_path / "away.yaml"], {ONE}, problems)
    assert [problem.key for problem in problems] == ["FILE"]
