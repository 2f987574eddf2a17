"""The part of Go's templates that request logs use."""

import json

import pytest

from queueproxy.core.log_template import (
    DEFAULT_TEMPLATE,
    KNATIVES_TEMPLATE,
    LoggedRequest,
    LoggedRevision,
    LogTemplate,
    TemplateError,
)

REVISION = LoggedRevision(
    name="iris-1", namespace="team", service="iris", configuration="c", pod_name="p", pod_ip="::7"
)
HOSTILE = b"\"\\ <b>&'=\xff\x80"
REQUEST = LoggedRequest(
    method=b"POST",
    target=b"/a/b?c=<d",
    host=b"h:80",
    minor_version=1,
    fields={
        b"user-agent": HOSTILE,
        b"referer": b"http://r/",
        b"traceparent": b"00-abc-def-01",
        b"x-b3-traceid": b"zip",
        b"x-mine": b"mine",
    },
    body_length=12,
    request_bytes=10,
    peer="10.0.0.1",
    status=201,
    answer_bytes=34,
    latency_s=0.0123456,
)


def rendered(text: str, request: LoggedRequest = REQUEST) -> str:
    return LogTemplate(text, REVISION).render(request)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{{.Request.Method}} {{ .Request.RequestURI }}", "POST /a/b?c=<d"),
        ("{{.Request.URL}} {{.Request.URL.Path}} {{.Request.URL.RawQuery}}", "/a/b?c=<d /a/b c=<d"),
        ("{{.Request.Host}} {{.Request.Proto}}", "h:80 HTTP/1.1"),
        ("{{.Request.ContentLength}} {{.Request.Size}}", "12 10"),
        ("{{.Request.RemoteAddr}} {{.Request.Referer}}", "10.0.0.1 http://r/"),
        ("{{.Response.Code}} {{.Response.Size}} {{.Response.Latency}}s", "201 34 0.012346s"),
        ("{{.Revision.Name}}.{{.Revision.Namespace}} {{.Revision.Service}}", "iris-1.team iris"),
        ("{{.Revision.Configuration}} {{.Revision.PodName}} {{.Revision.PodIP}}", "c p ::7"),
        ("{{.TraceID}}", "abc"),
        ('{{.Request.Header.Get "X-Mine"}}{{.Request.Header.Get `X-None`}}', "mine"),
        ('{{index .Request.Header "X-Mine"}}{{index .Request.Header "X-None"}}', "[mine][]"),
        (
            "{{.Request.Method}} {{js .Request.RequestURI}}",
            "POST /a/b?c\\u003D\\u003Cd",
        ),
        ("{{.Request.RequestURI | urlquery | print}}", "%2Fa%2Fb%3Fc%3D%3Cd"),
        ("{{html .Request.RequestURI}}", "/a/b?c=&lt;d"),
        ('{{.Request.Header.Get "X-None" | js}}{{print "x"}}', "x"),
        ("a{{/* a comment */}}b", "ab"),
        ("a  {{- .Request.Method -}}  b", "aPOSTb"),
        ("a } b { c }} d", "a } b { c }} d"),
    ],
)
def test_templates_mean_what_they_mean_in_go(text: str, expected: str) -> None:
    assert rendered(text) == expected + "\n"


def test_line_that_has_an_end_gets_no_other() -> None:
    assert rendered("a\n") == "a\n"


@pytest.mark.parametrize("text", [DEFAULT_TEMPLATE, KNATIVES_TEMPLATE], ids=["ours", "Knative's"])
def test_default_is_json_whatever_a_client_sends(text: str) -> None:
    bad = REQUEST._replace(
        target=HOSTILE, fields=dict.fromkeys((b"user-agent", b"referer", b"x-b3-traceid"), HOSTILE)
    )
    line = rendered(text, bad)
    assert line.isascii()
    read = json.loads(line)
    shown = HOSTILE.decode("latin-1")
    assert read["traceId"] == read["httpRequest"]["userAgent"] == shown
    assert read["httpRequest"]["requestUrl"] == read["httpRequest"]["referer"] == shown
    assert (read["httpRequest"]["status"], read["httpRequest"]["latency"]) == (201, "0.012346s")


def test_length_that_nobody_announced_is_that_of_go() -> None:
    chunked = REQUEST._replace(body_length=-1)
    assert rendered("{{.Request.ContentLength}}", chunked) == "-1\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{if .Request.Method}}x{{end}}", "if in {{if .Request.Method}}"),
        ("{{.Request.Form}}", ".Request.Form in {{.Request.Form}}"),
        ("{{.Request.Method | printf}}", "printf in {{.Request.Method | printf}}"),
        ('{{printf "%q" .TraceID}}', 'printf "%q" .TraceID in {{printf "%q" .TraceID}}'),
        ("{{.Request.Header.Get}}", ".Request.Header.Get in {{.Request.Header.Get}}"),
        ("{{}}", " in {{}}"),
        ("{{(js .TraceID)}}", "( js .TraceID ) in {{(js .TraceID)}}"),
        ("{{.TraceID", "{{.TraceID"),
        ("{{.TraceID}} {{", " {{"),
    ],
)
def test_what_is_not_known_is_shown_with_what_is(text: str, found: str) -> None:
    with pytest.raises(TemplateError) as caught:
        LogTemplate(text, REVISION)
    assert caught.value.found == found
    assert caught.value.expected
