"""The dashboard: one page without anything from elsewhere, on the API's port."""

import base64
import hashlib
import re
from importlib import resources
from typing import Final

from aiohttp import web

_PAGE: Final = resources.files("autoscaler").joinpath("dashboard.html").read_text("utf-8")


def _hashes(tag: str) -> str:
    """Return what a content security policy calls the page's own scripts or styles."""
    bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", _PAGE, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(body.encode()).digest()) for body in bodies)
    return " ".join(f"'sha256-{digest.decode()}'" for digest in digests)


_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        f"default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; "
        f"form-action 'none'; script-src {_hashes('script')}; style-src {_hashes('style')}"
    ),
    "X-Content-Type-Options": "nosniff",
}
"""Only what is in the page runs, whatever a revision is called."""


async def dashboard(_: web.Request) -> web.Response:
    """Answer with the page."""
    return web.Response(text=_PAGE, content_type="text/html", headers=_HEADERS)
