"""The webhook's certificate: made here, by an authority that is made here too.

The API server trusts what is in `caBundle`, so nobody else's authority is needed. Two lives: the
certificate's is short and the authority's long. A new authority is put in front of the old one, and
both are trusted until the old one has expired; so whoever still shows the older certificate is
believed.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE_LIFE: Final = dt.timedelta(days=90)
CERTIFICATE_RENEWED: Final = dt.timedelta(days=30)
"""When so little is left of a certificate's life, a new one is made."""

AUTHORITY_LIFE: Final = dt.timedelta(days=3650)
AUTHORITY_RENEWED: Final = dt.timedelta(days=365)

_CLOCK_SKEW: Final = dt.timedelta(hours=1)
"""Whoever checks may be so far behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What one Secret holds, as PEM."""

    authorities: bytes
    """Everyone who is trusted, the one that signs now first."""

    authority_key: bytes
    certificate: bytes
    key: bytes


def expiry_of(certificate: bytes) -> dt.datetime:
    """Return when a certificate (PEM) ends. Raises ValueError when it is none."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def keep_fresh(held: Credentials | None, names: Sequence[str], now: dt.datetime) -> Credentials:
    """Return credentials that last: the same ones, or with what had to be made anew.

    Args:
        held: what there is. None, or what cannot be read: everything is made.
        names: DNS names that the certificate is for, the common name first.
        now: the present, with its time zone.
    """
    try:
        authorities = [] if held is None else _load_authorities(held)
    except ValueError:
        held, authorities = None, []
    if held is None or authorities[0].not_valid_after_utc - now < AUTHORITY_RENEWED:
        key = ec.generate_private_key(ec.SECP256R1())
        living = [old for old in authorities if old.not_valid_after_utc > now]
        authorities = [_make_authority(key, f"{names[0]} authority", now), *living]
        return _issue(authorities, key, names, now)
    if _serves(held, authorities[0], names, now):
        return held
    return _issue(authorities, _load_key(held.authority_key), names, now)


def _load_authorities(held: Credentials) -> list[x509.Certificate]:
    """Return whom to trust. Raises ValueError when anything of `held` cannot be used."""
    authorities = x509.load_pem_x509_certificates(held.authorities)
    if _load_key(held.authority_key).public_key() != authorities[0].public_key():
        msg = "the key is not the first authority's"
        raise ValueError(msg)
    return authorities


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:  # it has a password
        raise ValueError(str(error)) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        msg = "not a key on an elliptic curve"
        raise ValueError(msg)  # noqa: TRY004 -- what was read is wrong, not how it was called
    return key


def _serves(
    held: Credentials, authority: x509.Certificate, names: Sequence[str], now: dt.datetime
) -> bool:
    """Return whether the held certificate will do for a while."""
    try:
        certificate = x509.load_pem_x509_certificate(held.certificate)
        certificate.verify_directly_issued_by(authority)
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        matches = _load_key(held.key).public_key() == certificate.public_key()
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    is_named = set(names) <= set(named.value.get_values_for_type(x509.DNSName))
    return matches and is_named and certificate.not_valid_after_utc - now >= CERTIFICATE_RENEWED


def _issue(
    authorities: Sequence[x509.Certificate],
    authority_key: ec.EllipticCurvePrivateKey,
    names: Sequence[str],
    now: dt.datetime,
) -> Credentials:
    key = ec.generate_private_key(ec.SECP256R1())
    signer = authorities[0]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(names[0]))
        .issuer_name(signer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + CERTIFICATE_LIFE)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_identifier(authority_key), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return Credentials(
        authorities=b"".join(_pem(authority) for authority in authorities),
        authority_key=_key_pem(authority_key),
        certificate=_pem(certificate),
        key=_key_pem(key),
    )


def _make_authority(
    key: ec.EllipticCurvePrivateKey, name: str, now: dt.datetime
) -> x509.Certificate:
    usage = x509.KeyUsage(
        key_cert_sign=True,
        crl_sign=True,
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _identifier(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    """Tell which authority signed: two of them have the same name during a change."""
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _name(common_name: str) -> x509.Name:
    most_characters = 64
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:most_characters])])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
