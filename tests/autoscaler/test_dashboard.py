import base64
import hashlib
import re
from importlib import resources

from autoscaler.dashboard import _HEADERS

PAGE = resources.files("autoscaler").joinpath("dashboard.html").read_text("utf-8")


def test_the_page_needs_nothing_from_elsewhere() -> None:
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:|#)""", PAGE)
    assert "http://" not in PAGE.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in PAGE


def test_names_cannot_become_markup() -> None:
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert unsafe not in PAGE


def test_only_the_scripts_and_styles_of_the_page_run() -> None:
    policy = _HEADERS["Content-Security-Policy"]
    for tag in ("script", "style"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert " style=" not in PAGE
