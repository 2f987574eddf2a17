import pytest

from servingkit.config import EXIT_CONFIG, ConfigError, Problem, exit_code_of

PORT = Problem("PORT", "80", "a free port")
HOST = Problem("HOST", None, "a name")


def grouped(*errors: Exception) -> ExceptionGroup[Exception]:
    return ExceptionGroup("as tasks end", errors)


def test_exit_code_is_the_programs_own() -> None:
    assert exit_code_of(lambda: 3) == 3


def test_each_bad_setting_is_told_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def program() -> int:
        raise ConfigError([PORT, HOST])

    assert exit_code_of(program) == EXIT_CONFIG
    assert capsys.readouterr().err == (
        "PORT: '80'; expected a free port\nHOST: not set; expected a name\n"
    )


def test_bad_settings_are_found_in_the_groups_of_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    def program() -> int:
        raise grouped(ConfigError([PORT]), grouped(ConfigError([HOST])))

    assert exit_code_of(program) == EXIT_CONFIG
    assert capsys.readouterr().err == f"{PORT}\n{HOST}\n"


def test_an_error_of_another_kind_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    def program() -> int:
        raise grouped(ConfigError([PORT]), ValueError("a bug"))

    with pytest.raises(ExceptionGroup) as caught:
        exit_code_of(program)

    assert caught.group_contains(ValueError, match="a bug")
    assert capsys.readouterr().err == f"{PORT}\n"
