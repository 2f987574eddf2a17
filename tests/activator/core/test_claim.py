"""What a request claims by its head."""

import pytest

from activator.core.admission_settings import AdmissionSettings
from activator.core.claim import claim_of
from servingkit.http1.core.message import RequestHead

PLAIN = AdmissionSettings()
FAIR = AdmissionSettings(
    tenant_header=b"x-tenant",
    tenant_weights={b"gold": 4},
    priorities={b"high": 0, b"normal": 1, b"low": 2},
    default_priority=b"normal",
    priority_caps={b"free": b"low", b"*": b"normal", b"gold": b"high"},
)


def head(**fields: str) -> RequestHead:
    headers = [(b"Host", b"a")]
    headers += [(k.replace("_", "-").encode(), v.encode()) for k, v in fields.items()]
    return RequestHead(b"POST", b"/", 1, headers)


@pytest.mark.parametrize(
    ("tenant", "asked", "granted"),
    [
        pytest.param("gold", "high", "high", id="as it asks"),
        pytest.param("gold", "", "normal", id="none asked for"),
        pytest.param("gold", "urgent", "normal", id="an unknown one"),
        pytest.param("free", "high", "low", id="capped"),
        pytest.param("iron", "high", "normal", id="capped as all others"),
        pytest.param("iron", "low", "low", id="less than the cap"),
    ],
)
def test_priorities_are_mapped_and_capped(tenant: str, asked: str, granted: str) -> None:
    claim = claim_of(head(X_Tenant=tenant, Inflight_Priority=asked), FAIR)
    assert claim.priority == granted.encode()
    assert claim.level == FAIR.priorities[granted.encode()]


def test_without_settings_nobody_is_anybody() -> None:
    claim = claim_of(head(X_Tenant="gold", Inflight_Priority="high"), PLAIN)
    assert (claim.level, claim.tenant, claim.weight, claim.priority) == (0, b"", 1, b"")


def test_weights_are_those_of_the_tenants_that_are_named() -> None:
    assert claim_of(head(X_Tenant="gold"), FAIR).weight == 4
    assert claim_of(head(X_Tenant="iron"), FAIR).weight == 1


def test_room_is_reserved_for_at_most_64_kib_of_a_body() -> None:
    bare = claim_of(head(), PLAIN).held_bytes
    small = claim_of(head(Content_Length="1000"), PLAIN).held_bytes
    large = claim_of(head(Content_Length="70000"), PLAIN).held_bytes
    chunked = claim_of(head(Transfer_Encoding="chunked"), PLAIN).held_bytes
    assert 1000 < small - bare < 1100
    assert large - bare < 65_636
    assert chunked - bare > 65_536
