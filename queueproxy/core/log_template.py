r"""The template of a request log line: the part of Go's text/template that such lines use.

Knative writes its request log through a template (`logging.request-log-template`), with a default
in JSON. This reads text, values, `js`, `html`, `urlquery` and `print`, pipelines of them, header
look-ups, comments and trim markers; whatever else Go's templates can do is refused, with a word on
what there is. Parsing does all the work, so that a line costs a few calls and a join.

A worked example, of a POST to `/a/b?c=<d`: `{{.Request.Method}} {{js .Request.RequestURI}}` makes
`POST /a/b?c\u003D\u003Cd`.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote_plus

DEFAULT_TEMPLATE: Final = (
    '{"httpRequest": {"requestMethod": "{{js .Request.Method}}", '
    '"requestUrl": "{{js .Request.RequestURI}}", "requestSize": "{{.Request.Size}}", '
    '"status": {{.Response.Code}}, "responseSize": "{{.Response.Size}}", '
    '"userAgent": "{{js .Request.UserAgent}}", "remoteIp": "{{js .Request.RemoteAddr}}", '
    '"serverIp": "{{js .Revision.PodIP}}", "referer": "{{js .Request.Referer}}", '
    '"latency": "{{.Response.Latency}}s", "protocol": "{{.Request.Proto}}"}, '
    '"traceId": "{{js .TraceID}}"}'
)
"""Knative's, but that each value which a client chooses is escaped, and a size is what came."""

KNATIVES_TEMPLATE: Final = (
    DEFAULT_TEMPLATE.replace(".Request.Size", ".Request.ContentLength")
    .replace("js .Request.Method", ".Request.Method")
    .replace("js .Revision.PodIP", ".Revision.PodIP")
    .replace("js .TraceID", ".TraceID")
)
"""What Knative sends when nobody has chosen a template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRevision:
    """What a line can say of the pod. Any may be empty."""

    name: str = ""
    namespace: str = ""
    service: str = ""
    configuration: str = ""
    pod_name: str = ""
    pod_ip: str = ""


class LoggedRequest(NamedTuple):
    """One request that has ended."""

    method: bytes
    target: bytes
    host: bytes
    minor_version: int
    fields: Mapping[bytes, bytes]
    """Lower-case names."""

    body_length: int
    """As announced, bytes; negative: not announced."""

    request_bytes: int
    """Of the body, as they came."""

    peer: str
    status: int
    answer_bytes: int
    latency_s: float


class TemplateError(Exception):
    """A template that cannot be used: what was found in it, and what was expected."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"{found!r}; expected {expected}")
        self.found = found
        self.expected = expected


Value = Callable[[LoggedRequest], str]


class LogTemplate:
    """Renders lines."""

    __slots__ = ("_parts",)

    def __init__(self, text: str, revision: LoggedRevision) -> None:
        """Parse `text`; Knative's default means ours. Raises TemplateError."""
        text = DEFAULT_TEMPLATE if text == KNATIVES_TEMPLATE else text
        self._parts = tuple(_parts(text, _values(revision)))

    def __repr__(self) -> str:
        return f"<LogTemplate of {len(self._parts)} parts>"

    def render(self, request: LoggedRequest) -> str:
        """Return a line of `request`, with its end."""
        line = "".join([part if isinstance(part, str) else part(request) for part in self._parts])
        return line if line.endswith("\n") else line + "\n"


# --- values -------------------------------------------------------------------------------------


def _field(name: bytes) -> Value:
    return lambda request: request.fields.get(name, b"").decode("latin-1")


def _path(request: LoggedRequest) -> str:
    return request.target.partition(b"?")[0].decode("latin-1")


def _query(request: LoggedRequest) -> str:
    return request.target.partition(b"?")[2].decode("latin-1")


def _trace_id(request: LoggedRequest) -> str:
    """Return the trace's id from W3C's field (`version-trace-parent-flags`), else from Zipkin's."""
    parts = request.fields.get(b"traceparent", b"").split(b"-")
    found = parts[1] if len(parts) > 1 else request.fields.get(b"x-b3-traceid", b"")
    return found.decode("latin-1")


_REQUEST_VALUES: Final[Mapping[str, Value]] = {
    ".Request.Method": lambda request: request.method.decode("latin-1"),
    ".Request.RequestURI": lambda request: request.target.decode("latin-1"),
    ".Request.URL": lambda request: request.target.decode("latin-1"),
    ".Request.URL.Path": _path,
    ".Request.URL.RawQuery": _query,
    ".Request.Host": lambda request: request.host.decode("latin-1"),
    ".Request.Proto": lambda request: f"HTTP/1.{request.minor_version}",
    ".Request.ContentLength": lambda request: str(max(-1, request.body_length)),
    ".Request.Size": lambda request: str(request.request_bytes),
    ".Request.RemoteAddr": lambda request: request.peer,
    ".Request.UserAgent": _field(b"user-agent"),
    ".Request.Referer": _field(b"referer"),
    ".Response.Code": lambda request: str(request.status),
    ".Response.Size": lambda request: str(request.answer_bytes),
    ".Response.Latency": lambda request: f"{request.latency_s:.6f}",
    ".TraceID": _trace_id,
}


def _values(revision: LoggedRevision) -> dict[str, Value]:
    known = {
        ".Revision.Name": revision.name,
        ".Revision.Namespace": revision.namespace,
        ".Revision.Service": revision.service,
        ".Revision.Configuration": revision.configuration,
        ".Revision.PodName": revision.pod_name,
        ".Revision.PodIP": revision.pod_ip,
    }
    return {**_REQUEST_VALUES, **{name: _constant(text) for name, text in known.items()}}


def _constant(text: str) -> Value:
    return lambda _: text


# --- functions ----------------------------------------------------------------------------------

_JS_UNSAFE: Final = re.compile(r"[^ !#$%(-;?-\[\]-~]")
"""All but printable ASCII without quotes, backslash and `<=>&`."""


def _js(text: str) -> str:
    """Escape for a string in JavaScript, in a way that JSON knows, too."""
    return _JS_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04X}", text)


_FUNCTIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "js": _js,
    "html": html.escape,
    "urlquery": quote_plus,
    "print": lambda text: text,
}


# --- parsing ------------------------------------------------------------------------------------

_ACTION: Final = re.compile(r"(?s)(\s*\{\{-\s|\{\{)(.*?)(\s-\}\}\s*|\}\})")
_COMMENT: Final = re.compile(r"(?s)\s*/\*.*\*/\s*")
_QUOTES: Final = ('"', "`")
_TOKEN: Final = re.compile(r'\s*("[^"\\]*"|`[^`]*`|\.[\w.]+|\w+|\||\S)')


def _parts(text: str, values: Mapping[str, Value]) -> list[str | Value]:
    parts: list[str | Value] = []
    end = 0
    for action in _ACTION.finditer(text):
        parts.append(text[end : action.start()])
        end = action.end()
        if not _COMMENT.fullmatch(action[2]):
            parts.append(_pipeline(action[2], values))
    parts.append(text[end:])
    if "{{" in text[end:]:
        raise TemplateError(text[end:], "}} after each {{")
    return [part for part in parts if part != ""]


def _pipeline(action: str, values: Mapping[str, Value]) -> Value:
    """Return what `{{action}}` stands for: a value, and functions that it goes through."""
    commands: list[list[str]] = [[]]
    for token in _TOKEN.findall(action):
        if token == "|":  # noqa: S105 -- a token of a template
            commands.append([])
        else:
            commands[-1].append(token)
    value = _value(commands[0], values, action)
    for command in commands[1:]:
        value = _applied(_function(" ".join(command), action), value)
    return value


def _value(tokens: list[str], values: Mapping[str, Value], action: str) -> Value:
    match tokens:
        case [name] if name in values:
            return values[name]
        case [".Request.Header.Get", name] if name[0] in _QUOTES:
            return _field(_unquoted(name))
        case ["index", ".Request.Header", name] if name[0] in _QUOTES:
            found = _field(_unquoted(name))
            return lambda request: f"[{found(request)}]"  # as Go prints a list
        case [function, argument] if argument in values:
            return _applied(_function(function, action), values[argument])
        case [function, text] if text[0] in _QUOTES:
            return _applied(_function(function, action), _constant(text[1:-1]))
        case _:
            raise _unknown(" ".join(tokens), action)


def _applied(function: Callable[[str], str], value: Value) -> Value:
    return lambda request: function(value(request))


def _function(name: str, action: str) -> Callable[[str], str]:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise _unknown(name, action)
    return function


def _unquoted(token: str) -> bytes:
    return token[1:-1].lower().encode("latin-1", "replace")


def _unknown(found: str, action: str) -> TemplateError:
    known = ", ".join(_values(LoggedRevision()))
    return TemplateError(
        f"{found} in {{{{{action}}}}}",
        f"one of {known}, .Request.Header.Get or index .Request.Header with a name, each perhaps "
        f"through {' or '.join(_FUNCTIONS)}",
    )
