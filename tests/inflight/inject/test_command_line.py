import subprocess
import sys
from pathlib import Path

import yaml

_POD = """\
kind: Pod
metadata: {name: iris, labels: {inflight.dev/enabled: "true"}}
spec: {containers: [{name: model, image: m, ports: [{containerPort: 8080}]}]}
"""


def _run(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "inflight", "inject", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_standard_input_goes_to_standard_output() -> None:
    done = _run("-f", "-", "--image", "example.com/q:2", "--image-pull-policy", "Never", given=_POD)
    assert done.returncode == 0, done.stderr
    (sidecar,) = yaml.safe_load(done.stdout)["spec"]["initContainers"]
    assert (sidecar["image"], sidecar["imagePullPolicy"]) == ("example.com/q:2", "Never")


def test_several_files_become_one_stream(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_POD.rstrip())
    (tmp_path / "b.yaml").write_text("kind: Service")
    files = ("-f", str(tmp_path / "a.yaml"), "-f", str(tmp_path / "b.yaml"))
    done = _run(*files, "--no-native-sidecar")
    pod, service = yaml.safe_load_all(done.stdout)
    assert [c["name"] for c in pod["spec"]["containers"]] == ["model", "queue-proxy"]
    assert service == {"kind": "Service"}


def test_an_image_without_a_name_is_refused() -> None:
    done = _run("-f", "-", "--image", "", given=_POD)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "--image: ''; expected an image of the sidecar\n"


def test_nothing_is_printed_when_anything_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(_POD)
    (tmp_path / "bad.yaml").write_text(_POD.replace("8080", "8022"))
    good, bad = str(tmp_path / "good.yaml"), str(tmp_path / "bad.yaml")
    done = _run("-f", good, "-f", bad, "-f", str(tmp_path / "missing.yaml"))
    assert (done.returncode, done.stdout) == (78, "")
    assert f"{bad}, document 1, Pod iris, port of container model: '8022'" in done.stderr
    assert "a readable file" in done.stderr
