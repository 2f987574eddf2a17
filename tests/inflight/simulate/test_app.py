import re
from pathlib import Path

import pytest

from inflight.simulate import app
from inflight.simulate.settings import SimulateSettings
from servingkit.config import ConfigError
from tests.inflight.simulate.scenarios import arrivals, scenario


def settings(csv: Path | None = None, plot: Path | None = None) -> SimulateSettings:
    return SimulateSettings(
        load=arrivals((60, 2)), scenarios={"one": scenario()}, seed=3, csv=csv, plot=plot
    )


def test_summary_ends_with_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    app.run(settings())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("requests")
    assert re.fullmatch(r"60 s simulated in \d+\.\d\d s", lines[-1])


def test_files_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app.run(settings(tmp_path / "a.csv", tmp_path / "a.png"))
    assert capsys.readouterr().err == ""
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 61
    assert (tmp_path / "a.png").stat().st_size > 0


def test_without_matplotlib_the_extra_is_named_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"pip install 'inflight\[simulate\]'"):
        app.run(settings(plot=tmp_path / "a.png"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("option", ["csv", "plot"])
def test_missing_folders_are_made(option: str, tmp_path: Path) -> None:
    path = tmp_path / "out" / "today" / "a.png"
    app.run(settings(**{option: path}))
    assert path.stat().st_size > 0


@pytest.mark.parametrize("option", ["csv", "plot"])
def test_folder_that_cannot_be_made_is_told_before_anything_runs(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file")
    path = tmp_path / "out" / "a.png"
    with pytest.raises(ConfigError, match=rf"--{option}: '{path}'; expected a file that can be"):
        app.run(settings(**{option: path}))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("option", ["csv", "plot"])
def test_file_that_cannot_be_written_is_told_with_its_option(option: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.mkdir()
    with pytest.raises(ConfigError, match=rf"--{option}: '{path}'; .*\(Is a directory\)"):
        app.run(settings(**{option: path}))
