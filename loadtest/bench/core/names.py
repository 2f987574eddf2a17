"""Names of proxies and cases that a statement about the results needs."""

from typing import Final

OURS: Final = "inflight"
OURS_LIMITED: Final = "inflight-limited"
OURS_COMPILED: Final = "inflight-compiled"
FLOOR: Final = "floor"
NGINX: Final = "nginx"
HAPROXY: Final = "haproxy"
GO: Final = "go"
AIOHTTP: Final = "aiohttp"

POST_1: Final = "post-1"
POST_32: Final = "post-32"
POST_256: Final = "post-256"
POST_OWN: Final = "post-32-own"
ANSWER: Final = "answer"
UPLOAD: Final = "upload"
EVENTS: Final = "events"
IDLE: Final = "idle"
