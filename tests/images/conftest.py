"""Tests of the images, built and run here by docker or podman: `make test-images`.

INFLIGHT_TEST_PYTHON_IMAGE is the base image, python:3.12-slim-bookworm if it says nothing and that
one is here. INFLIGHT_TEST_BUILD_ARGUMENTS goes to each build, such as --volume for a pip.conf.
"""

from collections.abc import Iterator, Mapping

import pytest

from tests.images import images


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.get_closest_marker("images")]
    asked = "images" in config.option.markexpr and "not images" not in config.option.markexpr
    for item in ours:
        item.add_marker(pytest.mark.timeout(3600))
        reason = _why_not(asked=asked)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


def _why_not(*, asked: bool) -> str | None:
    if not asked:
        return "builds images; `make test-images` runs it"
    if images.tool() is None:
        return "neither docker nor podman works here"
    if images.python_image() is None:
        return "no base image is here, and INFLIGHT_TEST_PYTHON_IMAGE names none"
    return None


@pytest.fixture(scope="session")
def built() -> Iterator[Mapping[str, images.Image]]:
    """The images of all programs, from the files as they are."""
    with images.built_images("as-it-is", images.ROOT) as them:
        yield them
