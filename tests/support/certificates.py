"""Certificates for the tests of TLS: an authority, a server and a client that it signed, and a client of another authority."""

from __future__ import annotations

import os
import subprocess


def make(directory: str) -> str:
    """Files ``ca.pem``, ``server.pem``, ``server.key``, and as docker names a client's ``cert.pem`` and ``key.pem`` in a directory.

    In its subdirectory ``stranger`` is a client that another authority signed, with the real authority's ``ca.pem``.
    """
    stranger = os.path.join(directory, "stranger")
    os.makedirs(stranger)
    for name, place in (("ca", directory), ("other", stranger)):
        subject = ["-subj", f"/CN={name}", "-days", "3650", "-addext", "basicConstraints=critical,CA:TRUE"]
        _openssl("req", "-x509", *_key(f"{place}/{name}.key"), "-out", f"{place}/{name}.pem", *subject)
    _signed(directory, "ca", "server", key="server.key", certificate="server.pem", usage="serverAuth")
    _signed(directory, "ca", "client", key="key.pem", certificate="cert.pem", usage="clientAuth")
    _signed(stranger, "other", "stranger", key="key.pem", certificate="cert.pem", usage="clientAuth")
    os.link(f"{directory}/ca.pem", f"{stranger}/ca.pem")
    return directory


def _signed(directory: str, authority: str, name: str, *, key: str, certificate: str, usage: str) -> None:
    request, extensions = f"{directory}/{name}.csr", f"{directory}/{name}.ext"
    _openssl("req", *_key(f"{directory}/{key}"), "-new", "-out", request, "-subj", f"/CN={name}")
    with open(extensions, "w", encoding="ascii") as file:
        file.write(f"subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage={usage}\n")
    signer = ["-CA", f"{directory}/{authority}.pem", "-CAkey", f"{directory}/{authority}.key", "-CAcreateserial"]
    _openssl("x509", "-req", "-in", request, *signer, "-out", f"{directory}/{certificate}", "-days", "3650", "-extfile", extensions)


def _key(path: str) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
