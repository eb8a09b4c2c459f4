# SPDX-License-Identifier: Apache-2.0
"""A self-signed certificate, such as a management controller has out of the box."""

import datetime
import ipaddress
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = datetime.timedelta(days=365)


def ensure(folder, host):
    """Return the paths of ``cert.pem`` and ``key.pem`` in ``folder``, made for ``host`` if missing."""
    place = pathlib.Path(folder)
    certificate, key = place / "cert.pem", place / "key.pem"
    if not (certificate.exists() and key.exists()):
        place.mkdir(parents=True, exist_ok=True)
        private = ec.generate_private_key(ec.SECP256R1())
        _write_secret(key, _key_text(private))
        certificate.write_bytes(_sign(private, host).public_bytes(serialization.Encoding.PEM))
    return str(certificate), str(key)


def _key_text(private):
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_secret(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)


def _sign(private, host):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "valence-simulator")])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks differ
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(_alternatives(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )


def _alternatives(host):
    """Return the names under which a client may call; the loopback ones always."""
    names = {"localhost", "127.0.0.1", "::1", host} - {""}
    return [_general_name(name) for name in sorted(names)]


def _general_name(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
