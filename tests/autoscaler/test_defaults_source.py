import os
from pathlib import Path

import pytest

from autoscaler.defaults_source import DefaultsSource
from servingkit.config import ConfigError
from tests.autoscaler.config_map import ConfigMapMount


def source(path: Path, **above: str) -> DefaultsSource:
    return DefaultsSource(key="CONFIG_PATH", path=path, above=above)


def refused(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as error:
        source(path).read()
    return [str(problem) for problem in error.value.problems]


def write(directory: Path, text: str) -> Path:
    path = directory / "autoscaler.yaml"
    path.write_text(text)
    return path


def test_keys_of_a_file_are_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, "stable-window: 30s\nenable-scale-to-zero: false\nmax-scale: 7\n")
    defaults = source(path).read()
    assert defaults.stable_window_s == 30
    assert not defaults.enable_scale_to_zero
    assert defaults.max_scale == 7


def test_a_config_map_in_a_file_has_them_under_data(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  _example: |\n    x: y\n  stable-window: 30s\n",
    )
    assert source(path).read().stable_window_s == 30


def test_a_mounted_config_map_has_a_file_for_each_key(tmp_path: Path) -> None:
    mount = ConfigMapMount(tmp_path)
    mount.put({"stable-window": "30s\n", "_example": "anything", "prediction": "preview"})
    defaults = source(mount.path).read()
    assert defaults.stable_window_s == 30
    assert defaults.additions.prediction.value == "preview"


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_says_nothing(tmp_path: Path, text: str) -> None:
    assert source(write(tmp_path, text)).read().stable_window_s == 60


def test_what_is_said_beside_the_file_wins_over_it_and_it_over_what_is_below(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, "stable-window: 30s\nmax-scale: 7\n")
    layers = DefaultsSource(
        key="CONFIG_PATH",
        below={"max-scale": "9", "min-scale": "1"},
        path=path,
        above={"stable-window": "20s"},
    )
    defaults = layers.read()
    assert (defaults.stable_window_s, defaults.max_scale, defaults.min_scale) == (20, 7, 1)


def test_every_bad_key_is_named_with_the_place_where_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path, "stable-window: 1s\nstabel-window: 30s\n")
    layers = DefaultsSource(
        key="CONFIG_PATH",
        path=path,
        above={"max-scale": "-1"},
        labels={"max-scale": "AUTOSCALER_MAX_SCALE"},
    )
    with pytest.raises(ConfigError) as error:
        layers.read()
    assert {problem.key for problem in error.value.problems} == {
        f"{path}: stable-window",
        f"{path}: stabel-window",
        "AUTOSCALER_MAX_SCALE",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b\n", "there are no keys with values in it"),
        ("a: [1, 2]\n", "a has no plain value"),
        ("a: b: c\n", "mapping values are not allowed"),
        ("x" * (1 << 20) + "y", "longer than a ConfigMap"),
    ],
)
def test_a_file_that_is_not_one_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (problem,) = refused(write(tmp_path, text))
    assert words in problem


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path / "gone.yaml")
    assert "No such file" in problem


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    (problem,) = refused(path)
    assert "a YAML file" in problem


def test_a_changed_file_has_another_fingerprint(tmp_path: Path) -> None:
    path = write(tmp_path, "stable-window: 30s\n")
    before = source(path).fingerprint()
    assert source(path).fingerprint() == before
    other = tmp_path / "other"
    other.write_text("stable-window: 40s\n")
    os.utime(other, ns=(0, path.stat().st_mtime_ns))
    other.rename(path)
    assert source(path).fingerprint() != before


def test_a_mount_that_was_swapped_has_another_fingerprint(tmp_path: Path) -> None:
    mount = ConfigMapMount(tmp_path)
    mount.put({"stable-window": "30s"})
    before = source(mount.path).fingerprint()
    mount.put({"stable-window": "40s"})
    assert source(mount.path).fingerprint() != before
    assert source(mount.path).read().stable_window_s == 40


def test_what_is_not_there_has_an_empty_fingerprint(tmp_path: Path) -> None:
    assert source(tmp_path / "gone").fingerprint() == ()
