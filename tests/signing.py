"""Really signed content credentials: a certificate authority and a signer made on the spot."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MANIFEST = {
    "claim_generator_info": [{"name": "Dreamer", "version": "3"}],
    "title": "harbour",
    "assertions": [
        {
            "label": "c2pa.actions",
            "data": {
                "actions": [
                    {
                        "action": "c2pa.created",
                        "digitalSourceType": GENERATED,
                        "softwareAgent": {"name": "Dreamer", "version": "3"},
                    },
                    {"action": "c2pa.edited"},
                ]
            },
        }
    ],
}


def root() -> str:
    """The authority's certificate (PEM)."""
    return _chain()[1]


def signed(
    data: bytes, mime_type: str, manifest: dict[str, Any] | None = None, url: str = ""
) -> bytes:
    """``data`` with credentials embedded, or only referred to as ``url``."""
    signer_chain, authority, key = _chain()
    info = c2pa.C2paSignerInfo(b"es256", (signer_chain + authority).encode(), key.encode(), None)
    builder = c2pa.Builder(manifest or MANIFEST)
    if url:
        builder.set_remote_url(url)
        builder.set_no_embed()
    result = io.BytesIO()
    builder.sign(c2pa.Signer.from_info(info), mime_type, io.BytesIO(data), result)
    return result.getvalue()


@lru_cache
def _chain() -> tuple[str, str, str]:
    """The signer's certificate, the authority's and the signer's key, all PEM."""
    authority, signer = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    return (
        _certificate("Harbour Signer", signer, authority),
        _certificate("Harbour Root", authority, authority, authority=True),
        signer.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: ec.EllipticCurvePrivateKey,
    authority: bool = False,
) -> str:
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    ) | dict.fromkeys(("encipher_only", "decipher_only"), False)
    usage |= {"digital_signature": True, "key_cert_sign": authority, "crl_sign": authority}
    today = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("Harbour Root"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=30))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False
        )
    )
    if not authority:
        extended = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(extended, critical=False)
    return builder.sign(issuer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _name(name: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Harbour Office")
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, name)])
