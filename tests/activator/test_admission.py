"""What those see who wait: limits, priorities, refusals, heartbeats, what a wait was made of."""

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping, Sequence

import pytest

from activator.app import Activator
from activator.revision_gate import RevisionGate
from servingkit.core.revision import Address, PodState
from servingkit.http1.core.message import Header
from servingkit.http1.exchange import Exchange
from tests.activator.world import HOST, IRIS, TO_IRIS, FakeSidecar, World
from tests.fakes.cluster import pod
from tests.polling import until
from tests.servingkit.http1.peers import Wire, connect, upstream

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

EVENTS: Header = (b"Accept", b"text/event-stream")
PREFIX = "inflight.dev/"


def annotated(**annotations: str) -> Mapping[str, str]:
    return {PREFIX + name.replace("_", "-"): value for name, value in annotations.items()}


def gate_of(activator: Activator) -> RevisionGate:
    gate = activator._gates.get(IRIS)
    assert gate is not None
    return gate


def reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def held(activator: Activator, count: int) -> None:
    await until(lambda: activator.held_requests(IRIS) == count)


async def busy_sidecar(world: World, activator: Activator) -> FakeSidecar:
    """A pod of one slot, which is taken."""
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    world.send(activator)
    await until(lambda: sidecar.running)
    return sidecar


# --- how long one waits -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotations", "headers", "applied"),
    [
        pytest.param(annotated(hold_timeout="100ms"), TO_IRIS, None, id="the revision's limit"),
        pytest.param(
            {}, (*TO_IRIS, (b"Prefer", b"wait=0")), b"wait=0", id="the client does not want to wait"
        ),
        pytest.param(
            annotated(hold_timeout="1h"),
            (*TO_IRIS, (b"Prefer", b"wait=1")),
            b"wait=1",
            id="the shorter one",
        ),
    ],
)
@pytest.mark.parametrize("pod_serves", [True, False])
async def test_who_waits_too_long_is_told_when_to_come_again(
    world: World,
    annotations: Mapping[str, str],
    headers: Sequence[Header],
    applied: bytes | None,
    *,
    pod_serves: bool,
) -> None:
    world.put_revision(annotations=annotations)
    activator = await world.start_activator()
    if pod_serves:
        await busy_sidecar(world, activator)
    answer = await world.ask(activator, headers=headers)
    told = answer.status, answer.headers[b"inflight-reason"]
    assert told == ((429, b"queue-timeout") if pod_serves else (503, b"starting"))
    assert int(answer.headers[b"retry-after"]) >= 1
    assert answer.headers.get(b"preference-applied") == applied
    await held(activator, 0)


async def test_when_to_come_again_is_learned_from_those_who_waited(world: World) -> None:
    world.put_revision(annotations=annotated(queue_limit="1"))
    activator = await world.start_activator()
    sidecar = await busy_sidecar(world, activator)
    world.send(activator)
    await held(activator, 1)
    assert (await world.ask(activator)).headers[b"retry-after"] == b"1"
    await asyncio.sleep(1.1)
    sidecar.finish()
    await until(lambda: len(sidecar.seen) == 2)
    world.send(activator)
    await held(activator, 1)
    assert int((await world.ask(activator)).headers[b"retry-after"]) >= 2


async def test_when_to_come_again_is_learned_from_cold_starts(world: World) -> None:
    world.put_revision(annotations=annotated(queue_limit="1"))
    activator = await world.start_activator()
    world.send(activator)
    await held(activator, 1)
    guess_s = int((await world.ask(activator)).headers[b"retry-after"])  # nothing is known
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    await until(lambda: sidecar.running)
    sidecar.finish()
    gate = gate_of(activator)
    await until(lambda: gate.counts.by_code_class[2] == 1)
    (took_s,) = gate._advice._cold_starts
    world.put_pods()
    world.send(activator)
    await held(activator, 1)
    learned_s = int((await world.ask(activator)).headers[b"retry-after"])
    assert 1 <= learned_s <= took_s + 1
    assert 1 <= guess_s <= 10


async def test_the_limit_on_waiting_is_no_limit_on_the_answer(world: World) -> None:
    world.put_revision(annotations=annotated(hold_timeout="3s"))
    activator = await world.start_activator()
    asked = world.ask(activator)
    await held(activator, 1)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    await until(lambda: sidecar.running)
    await asyncio.sleep(3.2)  # the limit passes
    sidecar.finish()
    assert (await asked).status == 200


# --- who goes first, and who is turned away -----------------------------------------------------


async def test_the_more_urgent_go_first(world: World) -> None:
    world.put_revision(annotations=annotated(priorities="high=0,low=1"))
    activator = await world.start_activator()
    for number, priority in enumerate((b"low", b"", b"high")):
        headers = (*TO_IRIS, (b"Inflight-Priority", priority), (b"X-Number", b"%d" % number))
        world.send(activator, headers=headers)
        await held(activator, number + 1)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    for _ in range(3):
        await until(lambda: sidecar.running)
        sidecar.finish()
    await until(lambda: len(sidecar.seen) == 3)
    assert [fields[b"x-number"] for fields in sidecar.seen] == [b"2", b"0", b"1"]
    metrics = gate_of(activator).counts.by_priority
    assert {name: counts.waiting for name, counts in metrics.items()} == {"high": 0, "low": 0}


async def test_tenants_take_turns_and_made_up_ones_make_no_labels(world: World) -> None:
    world.put_revision(annotations=annotated(tenant_header="X-Tenant", tenant_weights="gold=2"))
    activator = await world.start_activator()
    sent = [b"iron"] * 4 + [b"gold"] * 4 + [b"made-up"]
    for number, tenant in enumerate(sent):
        world.send(activator, headers=(*TO_IRIS, (b"X-Tenant", tenant)))
        await held(activator, number + 1)
    classes = gate_of(activator).counts.by_tenant
    assert {name: counts.waiting for name, counts in classes.items()} == {"gold": 4, "other": 5}
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    for count in range(len(sent)):
        await until(lambda: sidecar.running)
        assert len(sidecar.seen) == count + 1
        sidecar.finish()
    turns = [fields[b"x-tenant"] for fields in sidecar.seen]
    assert sorted(turns[:4]) == [b"gold", b"gold", b"iron", b"made-up"]
    page = await world.client.fetch(
        Address(HOST, activator.metrics_port), b"GET", b"/metrics", timeout_s=60
    )
    labels = b'k8s_namespace_name="default",kn_revision_name="iris",tenant="%b"'
    assert b"inflight_activator_tenant_queued{%b} 0.0" % (labels % b"gold") in page.body
    assert (
        b"inflight_activator_tenant_held_seconds_count{%b} 5.0" % (labels % b"other") in page.body
    )
    assert b"made-up" not in page.body


async def test_one_tenant_cannot_fill_the_queue(world: World) -> None:
    world.put_revision(annotations=annotated(tenant_header="X-Tenant", tenant_queue_limit="1"))
    activator = await world.start_activator()
    noisy, quiet = (*TO_IRIS, (b"X-Tenant", b"noisy")), (*TO_IRIS, (b"X-Tenant", b"quiet"))
    world.send(activator, headers=noisy)
    await held(activator, 1)
    assert (await world.ask(activator, headers=noisy)).status == 503
    world.send(activator, headers=quiet)
    await held(activator, 2)
    counts = gate_of(activator).counts
    assert {bound.value: n for bound, n in counts.turned_away.items() if n} == {"tenant-count": 1}
    assert counts.by_tenant["other"].refusals == 1


async def test_what_waits_is_bounded_by_bytes_and_in_the_process(world: World) -> None:
    world.put_revision(annotations=annotated(queue_limit_bytes="20000"))
    activator = await world.start_activator(held_limit=2)
    assert (await world.ask(activator, b"POST", b"x" * 30_000)).status == 503
    for count in (1, 2):
        world.send(activator)
        await held(activator, count)
    assert (await world.ask(activator)).status == 503
    turned_away = gate_of(activator).counts.turned_away
    assert {bound.value: n for bound, n in turned_away.items() if n} == {
        "revision-bytes": 1,
        "process-count": 1,
    }


@pytest.mark.parametrize(
    ("body_bytes", "leave"),
    [
        pytest.param(100_000, asyncio.StreamWriter.close, id="closes"),
        # A close would be the last byte behind all that we do not take: nobody could see it.
        pytest.param(50_000_000, reset, id="resets"),
    ],
)
async def test_of_a_held_body_one_buffer_is_kept_and_a_client_that_leaves_is_noticed(
    world: World, body_bytes: int, leave: Callable[[asyncio.StreamWriter], None]
) -> None:
    world.put_revision()
    activator = await world.start_activator()
    _, writer = await asyncio.open_connection(HOST, activator.port)
    head = b"POST / HTTP/1.1\r\nHost: iris.default\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % (body_bytes + 1))
    writer.write(b"x" * body_bytes)
    await held(activator, 1)
    await asyncio.sleep(0.3)  # more would come if it were taken
    assert 0 < kept_bytes(activator) <= 65_536
    leave(writer)
    await held(activator, 0)


def kept_bytes(activator: Activator) -> int:
    """What is kept of the body of the one request that is held."""
    connections = (
        c for listener in activator._engine._listeners for c in listener._connections.open
    )
    (exchange,) = [c._exchange for c in connections if c._exchange is not None]
    return sum(map(len, exchange._kept))


# --- what a bad setting does --------------------------------------------------------------------


async def test_bad_annotations_leave_the_last_good_ones_in_force(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.put_revision(annotations=annotated(queue_limit="1"))
    activator = await world.start_activator()
    gate = gate_of(activator)
    world.put_revision(annotations=annotated(queue_limit="none"))
    assert (gate.settings.queue_limit, gate.settings_valid) == (1, False)
    (record,) = [record for record in caplog.records if record.message == "bad annotations"]
    expected = "inflight.dev/queue-limit: 'none'; expected a whole number of at least 1"
    assert record.__dict__["reason"] == expected
    world.put_revision(annotations=annotated(queue_limit="2"))
    assert (gate.settings.queue_limit, gate.settings_valid) == (2, True)


# --- what a wait was made of --------------------------------------------------------------------


async def test_an_answer_after_a_cold_start_tells_its_phases(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    asked = world.ask(activator)
    await held(activator, 1)
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar, state=PodState.STARTING)
    await until(lambda: sidecar.running)
    sidecar.finish()
    timing = (await asked).headers[b"server-timing"].decode()
    assert [part.partition(";dur=")[0] for part in timing.split(", ")] == [
        "held",
        "scale",
        "probe",
        "first-byte",
    ]
    gate = gate_of(activator)
    assert gate.counts.cold_starts == 1
    page = await world.client.fetch(
        Address(HOST, activator.metrics_port), b"GET", b"/metrics", timeout_s=60
    )
    assert (
        b'inflight_activator_cold_start_phase_seconds_count{k8s_namespace_name="default",kn_rev'
        in page.body
    )


async def test_a_start_that_nobody_waits_for_any_more_is_not_counted_with_the_next(
    world: World,
) -> None:
    world.put_revision()
    activator = await world.start_activator()
    gate = gate_of(activator)
    _, writer = await asyncio.open_connection(HOST, activator.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: iris.default\r\n\r\n")
    await held(activator, 1)
    first = gate._cold_start
    assert first is not None
    reset(writer)
    await held(activator, 0)
    world.send(activator)
    await held(activator, 1)
    assert gate._cold_start is not None
    assert gate._cold_start.began_at > first.began_at


async def test_an_answer_that_did_not_wait_tells_nothing(world: World) -> None:
    world.put_revision()
    activator = await world.start_activator()
    sidecar = await world.start_sidecar()
    world.put_pods(sidecar)
    asked = world.ask(activator)
    await until(lambda: sidecar.running)
    sidecar.finish()
    assert b"server-timing" not in (await asked).headers


# --- event streams ------------------------------------------------------------------------------


async def listen(activator: Activator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(HOST, activator.port)
    head = b"GET / HTTP/1.1\r\nHost: iris.default\r\nAccept: text/event-stream\r\n"
    writer.write(head + b"Accept-Encoding: gzip\r\n\r\n")
    return reader, writer


async def first_heartbeat(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(60):
        return await reader.readuntil(b": waiting for a pod\n\n\r\n")


class EventModel:
    """A pod's sidecar whose model answers with what a test says."""

    def __init__(self, status: int, content_type: bytes) -> None:
        self._status = status
        self._content_type = content_type
        self.seen: list[dict[bytes, bytes]] = []

    def __call__(self, exchange: Exchange) -> None:
        self.seen.append(exchange.request.fields)
        headers = ((b"Content-Type", self._content_type),)
        exchange.answer(self._status, headers, b"data: 1\n\n")


async def test_who_waits_for_events_hears_that_it_waits_and_then_the_model(world: World) -> None:
    world.put_revision(annotations=annotated(sse_heartbeat="1s"))
    activator = await world.start_activator()
    reader, writer = await listen(activator)
    head = await first_heartbeat(reader)
    assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
    model = EventModel(200, b"text/event-stream; charset=utf-8")
    listener = await world._outside.listen(model, HOST, 0)
    world.cluster.put_pods(IRIS, pod("pod-1", serving=Address(HOST, listener.port)))
    async with asyncio.timeout(60):
        rest = await reader.readuntil(b"0\r\n\r\n")
    assert rest.endswith(b"9\r\ndata: 1\n\n\r\n0\r\n\r\n")
    (fields,) = [fields for fields in model.seen if b"k-proxy-request" in fields]
    assert b"accept-encoding" not in fields
    writer.close()


@pytest.mark.parametrize(
    ("status", "content_type"),
    [
        pytest.param(500, b"text/event-stream", id="an error"),
        pytest.param(200, b"application/json", id="no events"),
    ],
)
async def test_what_cannot_follow_a_heartbeat_is_a_reset(
    world: World, status: int, content_type: bytes
) -> None:
    world.put_revision(annotations=annotated(sse_heartbeat="1s"))
    activator = await world.start_activator()
    reader, _ = await listen(activator)
    await first_heartbeat(reader)
    model = EventModel(status, content_type)
    listener = await world._outside.listen(model, HOST, 0)
    world.cluster.put_pods(IRIS, pod("pod-1", serving=Address(HOST, listener.port)))
    with pytest.raises(ConnectionResetError):
        await reader.readuntil(b"0\r\n\r\n")
    await until(lambda: [tracker.in_flight for tracker in gate_of(activator).throttler.pods] == [0])


async def test_without_the_annotation_nobody_hears_anything_until_the_answer(world: World) -> None:
    world.put_revision(annotations=annotated(hold_timeout="1500ms"))
    activator = await world.start_activator()
    answer = await world.ask(activator, headers=(*TO_IRIS, EVENTS))
    assert answer.status == 503


# --- pods that hang -----------------------------------------------------------------------------


async def put_hung_pod_first(world: World, good: FakeSidecar) -> list[Exchange]:
    """Put a pod first that answers probes and nothing else; what it takes."""
    taken: list[Exchange] = []

    def hang(exchange: Exchange) -> None:
        if exchange.request.fields.get(b"k-network-probe"):
            exchange.answer(200, ((b"Inflight-Container-Concurrency", b"1"),), b"queue")
        else:
            taken.append(exchange)

    listener = await world._outside.listen(hang, HOST, 0)
    serving = Address(HOST, listener.port)
    world.cluster.put_pods(IRIS, pod("pod-1", serving=serving), pod("pod-2", serving=good.address))
    return taken


@pytest.mark.parametrize(
    ("method", "status", "annotations"),
    [
        pytest.param(b"GET", 200, {}, id="harmless to repeat"),
        pytest.param(b"POST", 504, {}, id="could do harm"),
        pytest.param(b"POST", 200, annotated(retry_sent_requests="true"), id="is told to repeat"),
    ],
)
async def test_a_pod_that_hangs_is_found_by_its_time_limit_and_ejected(
    world: World, method: bytes, status: int, annotations: Mapping[str, str]
) -> None:
    limits = annotated(pod_answer_timeout="2s", pod_failure_threshold="1")
    world.put_revision(annotations={**annotations, **limits})
    activator = await world.start_activator()
    good = await world.start_sidecar("pod-2")
    taken = await put_hung_pod_first(world, good)
    asked = world.ask(activator, method, b"hello" if method == b"POST" else b"")
    await until(lambda: taken)
    if status == 200:
        await until(lambda: good.running)
        good.finish()
    assert (await asked).status == status
    gate = gate_of(activator)
    assert gate.counts.ejections == 1
    assert [tracker.in_flight for tracker in gate.throttler.pods] == [0, 0]
    again = world.ask(activator)
    await until(lambda: good.running)
    good.finish()
    assert (await again).body == b"pod-2"


async def test_a_request_that_a_pod_kept_as_long_as_one_may_wait_does_not_wait_for_ever(
    world: World,
) -> None:
    limits = annotated(pod_answer_timeout="1s", hold_timeout="1s", pod_failure_threshold="1")
    world.put_revision(annotations=limits)
    activator = await world.start_activator()
    taken: list[Exchange] = []  # probes as well
    listener = await world._outside.listen(taken.append, HOST, 0)
    world.cluster.put_pods(IRIS, pod("pod-1", serving=Address(HOST, listener.port)))
    answer = await world.ask(activator)
    assert (answer.status, answer.headers[b"inflight-reason"]) == (503, b"starting")
    await held(activator, 0)


async def test_a_pod_is_not_to_blame_for_a_request_that_came_late_to_it(world: World) -> None:
    world.put_revision(annotations=annotated(pod_failure_threshold="1"), timeout_s=2.0)
    activator = await world.start_activator()
    asked = world.ask(activator)
    await held(activator, 1)
    await asyncio.sleep(1.3)
    world.put_pods(await world.start_sidecar())
    assert (await asked).status == 504
    gate = gate_of(activator)
    assert gate.counts.ejections == 0
    assert [tracker.in_flight for tracker in gate.throttler.pods] == [0]
    assert (await world.ask(activator)).status == 504  # it had all its time at the pod
    assert gate.counts.ejections == 1


async def test_a_websocket_that_opens_clears_what_failed_before(world: World) -> None:
    async def serve(wire: Wire) -> None:
        head = await wire.until(b"\r\n\r\n")
        if b"Upgrade: websocket" in head:
            await wire.send(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                b"Upgrade: websocket\r\n\r\n"
            )
            await wire.rest()
        elif b"K-Network-Probe" in head:
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nqueue")

    world.put_revision(annotations=annotated(pod_failure_threshold="3"))
    async with upstream(serve) as up:
        world.cluster.put_pods(IRIS, pod("pod-1", serving=up.address))
        activator = await world.start_activator()
        (tracker,) = gate_of(activator).throttler.pods
        for _ in range(2):
            assert (await world.ask(activator, b"POST", b"x")).status == 502
        assert tracker.failures_in_row == 2
        client = await connect(activator.port)
        fields = b"".join(b"%b: %b\r\n" % pair for pair in TO_IRIS)
        await client.send(
            b"GET / HTTP/1.1\r\nHost: a\r\n%bConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            % fields
        )
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert tracker.failures_in_row == 0
        await client.abandon()


async def test_a_sidecar_that_says_that_its_model_fails_is_ejected_after_three(
    world: World,
) -> None:
    world.put_revision()
    activator = await world.start_activator()
    bad, good = await world.start_sidecar("pod-1"), await world.start_sidecar("pod-2")
    bad.reason = b"upstream-timeout"
    world.put_pods(bad, good)
    for _ in range(3):
        answer = await world.ask(activator)
        assert answer.headers[b"inflight-reason"] == b"upstream-timeout"
    page = await world.client.fetch(
        Address(HOST, activator.metrics_port), b"GET", b"/metrics", timeout_s=60
    )
    labels = b'{k8s_namespace_name="default",kn_revision_name="iris"}'
    for name, value in ((b"pods", 2), (b"usable_pods", 1), (b"ejections_total", 1)):
        assert b"inflight_activator_%b%b %d.0" % (name, labels, value) in page.body
    world.send(activator)
    await until(lambda: good.running)


async def test_a_request_that_may_have_been_seen_is_sent_again_when_the_revision_says_so(
    world: World,
) -> None:
    world.put_revision(annotations=annotated(retry_sent_requests="true"))
    activator = await world.start_activator()
    dying, other = await world.start_sidecar("pod-1"), await world.start_sidecar("pod-2")
    world.put_pods(dying, other)
    asked = world.ask(activator, b"POST", b"as often as needed")
    await until(lambda: dying.running)
    dying.listener.abort()
    await until(lambda: other.running)
    other.finish()
    assert (await asked).status == 200
