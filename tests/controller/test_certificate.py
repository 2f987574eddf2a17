import datetime as dt
import ssl
from dataclasses import replace

import pytest
from cryptography import x509

from controller.certificate import (
    AUTHORITY_LIFE,
    AUTHORITY_RENEWED,
    CERTIFICATE_LIFE,
    CERTIFICATE_RENEWED,
    Credentials,
    expiry_of,
    keep_fresh,
)

_NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_DAY = dt.timedelta(days=1)
_NAMES = ("webhook.inflight.svc", "webhook.inflight")


def _fresh(held: Credentials | None = None, at: dt.datetime = _NOW) -> Credentials:
    return keep_fresh(held, _NAMES, at)


def _authorities(credentials: Credentials) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(credentials.authorities)


def _verify(shown: Credentials, trusted: Credentials) -> None:
    """Raise unless a client that trusts the one believes the other."""
    certificate = x509.load_pem_x509_certificate(shown.certificate)
    store = x509.verification.Store(_authorities(trusted))
    builder = x509.verification.PolicyBuilder().store(store)
    at = certificate.not_valid_before_utc + _DAY
    builder.time(at).build_server_verifier(x509.DNSName(_NAMES[0])).verify(certificate, [])


def test_what_is_made_is_believed_by_those_who_trust_the_authority() -> None:
    made = _fresh()
    _verify(made, made)
    assert expiry_of(made.certificate) == _NOW + CERTIFICATE_LIFE
    assert _authorities(made)[0].not_valid_after_utc == _NOW + AUTHORITY_LIFE


def test_openssl_takes_the_authority() -> None:
    ssl.create_default_context(cadata=_fresh().authorities.decode())


def test_what_lasts_is_kept() -> None:
    made = _fresh()
    assert _fresh(made, _NOW + CERTIFICATE_LIFE - CERTIFICATE_RENEWED) == made


def test_a_certificate_that_ends_soon_is_made_anew_by_the_same_authority() -> None:
    made = _fresh()
    later = _fresh(made, _NOW + CERTIFICATE_LIFE - CERTIFICATE_RENEWED + _DAY)
    assert later.authorities == made.authorities
    assert later.certificate != made.certificate
    _verify(later, made)


def test_a_new_authority_stands_before_the_old_one_and_both_are_trusted() -> None:
    made = _fresh()
    later = _fresh(made, _NOW + AUTHORITY_LIFE - AUTHORITY_RENEWED + _DAY)
    assert _authorities(later)[1:] == _authorities(made)
    _verify(later, later)
    _verify(made, later)


def test_an_authority_that_has_ended_is_dropped() -> None:
    later = _fresh(_fresh(), _NOW + AUTHORITY_LIFE + _DAY)
    assert len(_authorities(later)) == 1


def test_another_name_needs_another_certificate() -> None:
    made = _fresh()
    other = keep_fresh(made, ("other.inflight.svc",), _NOW)
    assert (other.authorities, other.certificate == made.certificate) == (made.authorities, False)


@pytest.mark.parametrize("part", ["authorities", "authority_key"])
def test_an_authority_that_cannot_be_used_is_made_anew(part: str) -> None:
    for broken in (b"", b"no PEM", getattr(_fresh(), part)):
        held = replace(_fresh(), **{part: broken})
        made = _fresh(held)
        _verify(made, made)
        assert made.authority_key != held.authority_key


@pytest.mark.parametrize("part", ["certificate", "key"])
def test_a_certificate_that_cannot_be_used_is_made_anew(part: str) -> None:
    whole = _fresh()
    for broken in (b"", b"no PEM", getattr(_fresh(), part)):
        made = _fresh(replace(whole, **{part: broken}))
        assert made.authorities == whole.authorities
        _verify(made, whole)
