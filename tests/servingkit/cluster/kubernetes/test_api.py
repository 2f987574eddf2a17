from pathlib import Path

import pytest

from servingkit.cluster.kubernetes.access import ApiAccess
from servingkit.cluster.kubernetes.api import ApiClient, ApiError
from servingkit.cluster.kubernetes.core.objects import ServiceObject
from servingkit.cluster.kubernetes.core.resource import DEPLOYMENTS, SERVICES
from servingkit.config import ConfigError
from tests.fakes.kube_api import KubeApi

pytestmark = pytest.mark.integration

IRIS = {"metadata": {"name": "iris"}, "spec": {"selector": {"app": "iris"}}}


@pytest.mark.asyncio
async def test_what_is_created_can_be_read_patched_and_deleted(
    server: KubeApi, api: ApiClient
) -> None:
    await api.create(SERVICES, "shop", IRIS)
    await api.patch(SERVICES, "shop", "iris", {"spec": {"selector": None, "type": "ClusterIP"}})
    service = await api.get(ServiceObject, SERVICES, "shop", "iris")
    assert service is not None
    assert service.spec.selector is None
    await api.delete(SERVICES, "shop", "iris")
    assert await api.get(ServiceObject, SERVICES, "shop", "iris") is None
    assert server.get("services", "shop", "iris") is None


@pytest.mark.asyncio
async def test_deleting_what_is_gone_is_fine(api: ApiClient) -> None:
    await api.delete(SERVICES, "shop", "iris")


@pytest.mark.asyncio
async def test_a_delete_spares_another_object_of_the_same_name(
    server: KubeApi, api: ApiClient
) -> None:
    await api.create(SERVICES, "shop", IRIS)
    with pytest.raises(ApiError) as caught:
        await api.delete(SERVICES, "shop", "iris", uid="of-an-earlier-one")
    assert caught.value.conflict
    assert server.get("services", "shop", "iris") is not None


@pytest.mark.asyncio
async def test_creating_what_exists_is_a_conflict(api: ApiClient) -> None:
    await api.create(SERVICES, "shop", IRIS)
    with pytest.raises(ApiError, match="create services 'iris' in shop: 409") as caught:
        await api.create(SERVICES, "shop", IRIS)
    assert caught.value.conflict


@pytest.mark.asyncio
async def test_a_patch_of_an_older_version_is_a_conflict(server: KubeApi, api: ApiClient) -> None:
    await api.create(SERVICES, "shop", IRIS)
    version = server.objects["services", "shop", "iris"]["metadata"]["resourceVersion"]
    server.edit("services", "shop", "iris", {"spec": {"type": "NodePort"}})
    changes = {"metadata": {"resourceVersion": version}, "spec": {"type": "ClusterIP"}}
    with pytest.raises(ApiError) as caught:
        await api.patch(SERVICES, "shop", "iris", changes)
    assert caught.value.conflict


@pytest.mark.asyncio
async def test_a_slow_server_is_not_waited_for_long(server: KubeApi) -> None:
    server.faults.delay_s = 30
    async with ApiClient(server.access, call_timeout_s=0.05) as api:
        with pytest.raises(ApiError, match=r"get services 'iris' in shop: no answer within 0.05 s"):
            await api.get(ServiceObject, SERVICES, "shop", "iris")


@pytest.mark.asyncio
async def test_a_server_that_is_away_is_an_error_with_status_0(
    server: KubeApi, api: ApiClient
) -> None:
    server.faults.away = True
    with pytest.raises(ApiError, match=r"patch deployments/scale\.apps 'iris' in shop") as caught:
        await api.patch(DEPLOYMENTS, "shop", "iris", {}, subresource="scale")
    assert caught.value.status == 0


@pytest.mark.asyncio
async def test_a_gateway_that_answers_instead_is_quoted(server: KubeApi, api: ApiClient) -> None:
    server.faults.status = 502
    with pytest.raises(ApiError, match="502 <html>no gateway</html>"):
        await api.get(ServiceObject, SERVICES, "shop", "iris")


@pytest.mark.asyncio
async def test_an_answer_of_another_shape_is_an_error(server: KubeApi, api: ApiClient) -> None:
    server.put("services", {"metadata": {"name": "iris", "namespace": "shop"}, "spec": "odd"})
    with pytest.raises(ApiError, match="not understood: Expected `object`, got `str`"):
        await api.get(ServiceObject, SERVICES, "shop", "iris")


@pytest.mark.asyncio
async def test_a_silent_watch_ends_without_error(server: KubeApi, api: ApiClient) -> None:
    query = {"resourceVersion": str(server.objects_version)}
    lines = [line async for line in api.watch_lines(SERVICES, "", query, silence_s=0.05)]
    assert lines == []
    assert server.called("watch", "services") == 1


@pytest.mark.asyncio
async def test_the_token_is_sent_and_read_again(server: KubeApi, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    access = ApiAccess(url=server.url, credentials=tmp_path)
    async with ApiClient(access) as api:
        await api.get(ServiceObject, SERVICES, "shop", "iris")
    assert server.tokens == ["Bearer secret"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_without_its_accounts_files_a_pod_is_told_which_setting_is_bad(
    scheme: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        ApiClient(ApiAccess(url=f"{scheme}://127.0.0.1:1", credentials=tmp_path))
    (problem,) = caught.value.problems
    assert problem.key == "INFLIGHT_KUBERNETES_CREDENTIALS"
    assert problem.value == str(tmp_path)
    assert "ca.crt and token" in problem.expected


# --- access --------------------------------------------------------------------------------------


def test_a_pod_finds_the_server_and_its_credentials() -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    access = ApiAccess.from_env(environ)
    assert access.url == "https://[fd00::1]:6443"
    assert str(access.credentials) == "/var/run/secrets/kubernetes.io/serviceaccount"


def test_another_server_has_no_credentials_of_itself() -> None:
    access = ApiAccess.from_env({"INFLIGHT_KUBERNETES_URL": "http://127.0.0.1:8001/"})
    assert access == ApiAccess(url="http://127.0.0.1:8001", credentials=None)


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({}, "KUBERNETES_SERVICE_HOST"),
        ({"INFLIGHT_KUBERNETES_URL": "x"}, "INFLIGHT_KUBERNETES_URL"),
    ],
)
def test_no_server_is_a_bad_setting(environ: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        ApiAccess.from_env(environ)
