from pathlib import Path

import pytest

from inflight.local.revision_file import read_revision_file
from inflight.local.revision_reader import RevisionReader
from inflight.local.settings import RevisionSettings
from inflight.scaling.options import DEFAULTS
from servingkit.config import Problem
from servingkit.core.revision import RevisionId


def read(folder: Path, text: str) -> tuple[tuple[RevisionSettings, ...], list[Problem]]:
    path = folder / "revisions.yaml"
    path.write_text(text)
    problems: list[Problem] = []
    reader = RevisionReader(DEFAULTS, problems, "/usr/bin:/bin")
    read_revision_file(path, reader)
    return reader.revisions, problems


def test_all_keys(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    revisions, problems = read(
        tmp_path,
        """
        revisions:
          - name: iris
            namespace: models
            command: [sh, -c, sleep, 1]
            containerConcurrency: 10
            timeoutSeconds: 60
            port: 9000
            hosts: [iris.example.com]
            env: {KEY: value, NUMBER: 3, FLAG: true}
            workingDir: model
            readinessProbe: {httpGet: {path: /ready}, periodSeconds: 1}
            scaling: {target: 10, min-scale: 0, window: 60s}
            annotations: {autoscaling.knative.dev/max-scale: 3}
          - name: other
            command: [sh]
        """,
    )
    assert not problems
    iris, other = revisions
    assert iris == RevisionSettings(
        id=RevisionId("models", "iris"),
        command=("sh", "-c", "sleep", "1"),
        command_key="revisions[0].command",
        port=9000,
        port_key="revisions[0].port",
        container_concurrency=10,
        timeout_s=60,
        hosts=("iris.example.com",),
        environment={"KEY": "value", "NUMBER": "3", "FLAG": "true"},
        directory=tmp_path / "model",
        readiness_probe={"httpGet": {"path": "/ready"}, "periodSeconds": 1},
        annotations={
            "autoscaling.knative.dev/max-scale": "3",
            "autoscaling.knative.dev/target": "10",
            "autoscaling.knative.dev/min-scale": "0",
            "autoscaling.knative.dev/window": "60s",
        },
    )
    assert other.port == 8001
    assert other.readiness_probe is None


@pytest.mark.parametrize(
    ("line", "key", "value", "expected"),
    [
        ("colour: red", "colour", "red", "one of the keys name, "),
        ("containerConcurrency: '5'", "containerConcurrency", "5", "a whole number from 0"),
        ("containerConcurrency: true", "containerConcurrency", "true", "a whole number from 0"),
        ("timeoutSeconds: 0", "timeoutSeconds", "0", "a whole number from 1"),
        ("hosts: one.example", "hosts", "one.example", "a list of texts"),
        ("hosts: ['a b']", "hosts", "['a b']", "host names without a port, as example.com"),
        ("hosts: ['*.example.com']", "hosts", "['*.example.com']", "host names without a port"),
        ("env: {A=B: x}", "env.A=B", "x", "a name that is not empty and has no ="),
        ("env: {'': x}", "env.", "x", "a name that is not empty"),
        ("env: [a]", "env", "['a']", "keys with values"),
        ("env: {A: [1]}", "env.A", "[1]", "a text or a number"),
        ("workingDir: nowhere", "workingDir", "nowhere", "a folder that exists"),
        ("readinessProbe: {exec: {}}", "readinessProbe.exec", None, "one of the keys httpGet"),
        ("readinessProbe: {periodSeconds: 1}", "readinessProbe", "{'periodSeconds': 1}", "one of"),
        (
            "readinessProbe: {httpGet: {path: a b}}",
            "readinessProbe.httpGet.path",
            "a b",
            "a path without spaces",
        ),
        (
            "readinessProbe: {grpc: {service: [a]}}",
            "readinessProbe.grpc.service",
            "['a']",
            "a name of at most 127 characters",
        ),
        (
            "readinessProbe: {tcpSocket: {}, periodSeconds: -1}",
            "readinessProbe.periodSeconds",
            "-1",
            "a whole number of at least 0",
        ),
        ("scaling: {target: 0}", "scaling.target", "0", "a number of at least 0.01"),
        ("scaling: {tarket: 1}", "scaling.tarket", "1", "one of "),
        ("scaling: 3", "scaling", "3", "keys with values"),
        (
            "annotations: {autoscaling.knative.dev/window: 1s}",
            "annotations.autoscaling.knative.dev/window",
            "1s",
            "a duration",
        ),
    ],
)
def test_problem_names_the_whole_path(
    tmp_path: Path, line: str, key: str, value: str | None, expected: str
) -> None:
    _, problems = read(tmp_path, f"revisions:\n- name: a\n  command: [sh]\n  {line}\n")
    first = problems[0]
    assert (first.key, first.value) == (f"revisions[0].{key}", value)
    assert first.expected.startswith(expected)


def test_hosts_are_lower_case_and_unique(tmp_path: Path) -> None:
    text = "revisions:\n" + "".join(
        f"- {{name: {name}, command: [sh], hosts: [{hosts}]}}\n"
        for name, hosts in (("a", "A.example"), ("b", "b.example, a.Example"))
    )
    revisions, problems = read(tmp_path, text)
    assert revisions[0].hosts == ("a.example",)
    (problem,) = problems
    assert problem.key == "revisions[1].hosts"
    assert problem.expected == "hosts of its own; default/a has a.example"


def test_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    _, problems = read(tmp_path, "revisions:\n- name: a\n  command: [sh]\n  name: b\n")
    (problem,) = problems
    assert problem.expected.startswith("a YAML file (the key 'name' is there twice")


def test_keys_may_be_merged_and_overridden(tmp_path: Path) -> None:
    text = (
        "revisions:\n- &a {name: a, command: [sh], port: 1}\n- {<<: *a, name: b, port: 2}\n"
        "- {<<: *a, name: c, port: 3}\n"
    )
    revisions, problems = read(tmp_path, text)
    assert problems == []
    assert [(it.id.name, it.port) for it in revisions] == [("a", 1), ("b", 2), ("c", 3)]


@pytest.mark.parametrize(
    "text", ["", "[]", "revisions: {}", "revisions: []", "revisions: 3", "a: [", "revision: [1]"]
)
def test_file_without_revisions_is_one_problem(tmp_path: Path, text: str) -> None:
    _, problems = read(tmp_path, text)
    assert [problem.key for problem in problems] == ["FILE"]


def test_entry_that_is_no_mapping_is_named(tmp_path: Path) -> None:
    _, problems = read(tmp_path, "revisions: [iris]")
    assert [problem.key for problem in problems] == ["revisions[0]"]


def test_names_and_ports_are_unique(tmp_path: Path) -> None:
    _, problems = read(
        tmp_path,
        """
        revisions:
          - {name: a, command: [sh], port: 8000}
          - {name: a, command: [sh], port: 8000}
        """,
    )
    assert [problem.key for problem in problems] == ["revisions[1].name", "revisions[1].port"]


@pytest.mark.parametrize("program", ["nosuch", "./nosuch", "/nosuch", "./plain.txt"])
def test_command_that_cannot_be_executed_is_a_problem(tmp_path: Path, program: str) -> None:
    (tmp_path / "plain.txt").write_text("")
    text = f"revisions: [{{name: a, command: [{program}], workingDir: .}}]"
    _, problems = read(tmp_path, text)
    expected = "a program that exists and can be executed"
    assert problems == [Problem("revisions[0].command", program, expected)]


def test_relative_command_is_looked_up_in_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "serve").mkdir()
    script = tmp_path / "serve" / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    text = "revisions: [{name: a, command: [./run.sh], workingDir: serve}]"
    assert not read(tmp_path, text)[1]
