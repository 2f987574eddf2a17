import asyncio
import base64
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from controller.certificate import CERTIFICATE_LIFE, keep_fresh
from controller.certificate_keeper import MountedCertificateKeeper, OwnCertificateKeeper
from controller.config import OwnCertificate
from controller.served_certificate import ServedCertificate
from servingkit.cluster.kubernetes.api import ApiClient, ApiError
from servingkit.cluster.kubernetes.permissions import CONTROLLER
from tests.fakes.kube_api import KubeApi
from tests.polling import until

pytestmark = pytest.mark.integration

_START = dt.datetime.now(dt.UTC)
_CONFIGURATIONS = (
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
)


class _Replica:
    def __init__(self, server: KubeApi, api: ApiClient) -> None:
        self.now = _START
        self.served = ServedCertificate()
        settings = OwnCertificate(
            access=server.access,
            namespace="inflight",
            secret="webhook-tls",  # noqa: S106 -- the name of one
            service="webhook",
            webhook_configuration="inflight",
        )
        self.keeper = OwnCertificateKeeper(settings, api, self.served, lambda: self.now)


@pytest_asyncio.fixture
async def api(server: KubeApi) -> AsyncIterator[ApiClient]:
    async with ApiClient(server.access) as api:
        yield api


@pytest.fixture
def replica(server: KubeApi, api: ApiClient) -> _Replica:
    return _Replica(server, api)


def _secret(server: KubeApi) -> dict[str, str]:
    found = server.get("secrets", "inflight", "webhook-tls")
    assert found is not None
    data: dict[str, str] = found.get("data", {})
    return data


def _trusted(server: KubeApi) -> list[str]:
    found = [server.get(resource, "", "inflight") for resource in _CONFIGURATIONS]
    return [hook["clientConfig"].get("caBundle") for it in found if it for hook in it["webhooks"]]


async def _greeted(served: ServedCertificate, authorities: str) -> None:
    """Shake hands as the API server does. Raises ssl.SSLError when it would not believe."""
    listener = await asyncio.start_server(
        lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=served.context
    )
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        trust = ssl.create_default_context(cadata=base64.b64decode(authorities).decode())
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=trust, server_hostname="webhook.inflight.svc"
        )
        writer.close()


@pytest.mark.asyncio
async def test_the_first_look_makes_shares_and_shows(server: KubeApi, replica: _Replica) -> None:
    await replica.keeper.look()
    assert set(_secret(server)) == {"ca.crt", "ca.key", "tls.crt", "tls.key"}
    assert _trusted(server) == [_secret(server)["ca.crt"]] * 2
    await _greeted(replica.served, _trusted(server)[0])
    assert replica.keeper.expires_at is not None


@pytest.mark.asyncio
async def test_it_does_what_it_is_allowed_to_and_no_more(
    server: KubeApi, replica: _Replica
) -> None:
    await replica.keeper.look()
    allowed = {(verb, str(it.resource)) for it in CONTROLLER for verb in it.verbs}
    assert {(call.verb, call.resource) for call in server.calls} == allowed


@pytest.mark.asyncio
async def test_the_rest_of_a_configuration_stays(server: KubeApi, replica: _Replica) -> None:
    await replica.keeper.look()
    found = server.get(_CONFIGURATIONS[0], "", "inflight")
    assert found is not None
    assert found["webhooks"][0]["clientConfig"]["service"] == {"name": "webhook"}


@pytest.mark.asyncio
async def test_replicas_share_one_certificate(
    server: KubeApi, api: ApiClient, replica: _Replica
) -> None:
    other = _Replica(server, api)
    await replica.keeper.look()
    shared = _secret(server)
    await other.keeper.look()
    assert _secret(server) == shared
    await _greeted(other.served, _trusted(server)[0])


@pytest.mark.asyncio
async def test_of_two_who_make_one_at_once_the_second_takes_the_firsts(
    server: KubeApi, replica: _Replica
) -> None:
    server.edit("secrets", "inflight", "webhook-tls", {"data": {}})
    theirs = keep_fresh(None, ("webhook.inflight.svc",), _START)
    encoded = {"ca.crt": base64.b64encode(theirs.authorities).decode()}
    server.faults.before_write.append(
        lambda _call: server.edit("secrets", "inflight", "webhook-tls", {"data": encoded})
    )
    with pytest.raises(ApiError) as caught:
        await replica.keeper.look()
    assert caught.value.conflict
    assert not replica.served.in_use.is_set()
    assert _secret(server) == encoded


@pytest.mark.asyncio
async def test_a_certificate_that_ends_soon_is_renewed(server: KubeApi, replica: _Replica) -> None:
    await replica.keeper.look()
    before, until_then = _secret(server), replica.keeper.expires_at
    replica.now += CERTIFICATE_LIFE - dt.timedelta(days=1)
    await replica.keeper.look()
    assert _secret(server)["tls.crt"] != before["tls.crt"]
    assert _secret(server)["ca.crt"] == before["ca.crt"]
    assert until_then is not None
    assert replica.keeper.expires_at is not None
    assert replica.keeper.expires_at > until_then


@pytest.mark.asyncio
async def test_a_bundle_that_somebody_removed_comes_back(
    server: KubeApi, replica: _Replica
) -> None:
    await replica.keeper.look()
    bundle = _trusted(server)
    server.edit(_CONFIGURATIONS[0], "", "inflight", {"webhooks": [{"clientConfig": {}}]})
    await replica.keeper.look()
    assert _trusted(server) == bundle


@pytest.mark.asyncio
async def test_nothing_is_shown_before_it_is_trusted(server: KubeApi, replica: _Replica) -> None:
    server.faults.forbidden.add(("patch", _CONFIGURATIONS[0]))
    with pytest.raises(ApiError, match="patch mutatingwebhookconfigurations"):
        await replica.keeper.look()
    assert not replica.served.in_use.is_set()


@pytest.mark.asyncio
async def test_a_missing_configuration_does_not_hold_the_other_up(
    server: KubeApi, replica: _Replica
) -> None:
    del server.objects[_CONFIGURATIONS[1], "", "inflight"]
    await replica.keeper.look()
    assert _trusted(server) == [_secret(server)["ca.crt"]]


@pytest.mark.asyncio
async def test_it_goes_on_when_the_api_is_back(server: KubeApi, replica: _Replica) -> None:
    server.faults.away = True
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(replica.keeper.run())
        await asyncio.sleep(0)
        server.faults.away = False
        await replica.served.in_use.wait()
        keeping.cancel()


def _mount(directory: Path, *names: str) -> str:
    made = keep_fresh(None, names or ("webhook.inflight.svc",), _START)
    (directory / "tls.crt").write_bytes(made.certificate)
    (directory / "tls.key").write_bytes(made.key)
    return base64.b64encode(made.authorities).decode()


@pytest.mark.asyncio
async def test_mounted_files_are_followed(tmp_path: Path) -> None:
    served = ServedCertificate()
    keeper = MountedCertificateKeeper(tmp_path, served)
    keeper.look()
    assert not served.in_use.is_set()
    await _greeted_after(keeper, served, _mount(tmp_path))
    await _greeted_after(keeper, served, _mount(tmp_path))


async def _greeted_after(
    keeper: MountedCertificateKeeper, served: ServedCertificate, authorities: str
) -> None:
    keeper.look()
    await _greeted(served, authorities)


@pytest.mark.asyncio
async def test_mounted_files_that_cannot_be_used_change_nothing(tmp_path: Path) -> None:
    served = ServedCertificate()
    keeper = MountedCertificateKeeper(tmp_path, served)
    authorities = _mount(tmp_path)
    keeper.look()
    (tmp_path / "tls.key").write_text("no key")
    await _greeted_after(keeper, served, authorities)


@pytest.mark.asyncio
async def test_mounted_files_are_looked_at_again(tmp_path: Path) -> None:
    served = ServedCertificate()
    keeper = MountedCertificateKeeper(tmp_path, served)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(keeper.run())
        await asyncio.sleep(0)
        _mount(tmp_path)
        await until(served.in_use.is_set)
        keeping.cancel()
