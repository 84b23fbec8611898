"""Who signs for a swarm: what the command line says, and what the API is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.authorities import EXTERNAL, external, pem
from engine.cli.flags import Flag, FlagError, Options, parse
from engine.dockerapi import swarm
from engine.model.swarm import ClusterChange, InitConfig

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def _options(*words: str) -> Options:
    return parse((EXTERNAL, Flag(name="ca-cert", kind="string", help="")), words)


def test_external_authorities_go_with_init_and_update(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    words = f"Protocol=CFSSL,url=https://a/sign,cacert={tmp_path}/ca.pem,profile=node"
    change = ClusterChange(external=external(_options("--external-ca", words, "--external-ca", 'protocol=cfssl,"url=https://b/?x,y"')))
    expected = [
        {"Protocol": "cfssl", "URL": "https://a/sign", "Options": {"profile": "node"}, "CACert": PEM},
        {"Protocol": "cfssl", "URL": "https://b/?x,y", "Options": {}, "CACert": ""},
    ]
    raw = json.dumps({"Spec": {"CAConfig": {"NodeCertExpiry": 7, "ExternalCAs": [{"URL": "old"}]}}})
    assert json.loads(swarm.encode_cluster(raw, change)) == {"CAConfig": {"NodeCertExpiry": 7, "ExternalCAs": expected}}
    init = swarm.encode_init(InitConfig(listen="0.0.0.0:2377", settings=change))
    assert json.loads(init)["Spec"]["CAConfig"]["ExternalCAs"] == expected
    assert json.loads(swarm.encode_cluster(raw, ClusterChange()))["CAConfig"]["ExternalCAs"] == [{"URL": "old"}]


def test_a_new_root_is_what_external_authorities_sign_for() -> None:
    """docker gives them the new root's certificate, whatever theirs said."""
    found = external(_options("--external-ca", "protocol=cfssl,url=https://a/sign"))
    raw = json.dumps({"Spec": {"CAConfig": {"ForceRotate": 3}}})
    sent = json.loads(swarm.encode_cluster(raw, ClusterChange(rotate_root=True, root_certificate=PEM, external=found)))["CAConfig"]
    assert sent["SigningCACert"] == sent["ExternalCAs"][0]["CACert"] == PEM and sent["SigningCAKey"] == "" and sent["ForceRotate"] == 3
    assert json.loads(swarm.encode_cluster(raw, ClusterChange(rotate_root=True)))["CAConfig"]["ForceRotate"] == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("x", "invalid field 'x' must be a key=value pair"),
        ("protocol=nope,url=x", "unrecognized external CA protocol nope"),
        ("url=x", "the external-ca option needs a protocol= parameter"),
        ("protocol=cfssl", "the external-ca option needs a url= parameter"),
        (
            "protocol=cfssl,url=x,cacert=/nonexistent",
            "unable to read CA cert for external CA: open /nonexistent: no such file or directory",
        ),
    ],
)
def test_what_is_none_is_refused(words: str, says: str) -> None:
    with pytest.raises(FlagError) as caught:
        external(_options("--external-ca", words))
    assert str(caught.value) == f'invalid argument "{words}" for "--external-ca" flag: {says}'


def test_certificates_are_pem(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("nothing")
    with pytest.raises(FlagError, match="file contents must be in PEM format"):
        pem(_options("--ca-cert", str(tmp_path / "x")), "ca-cert")
    with pytest.raises(FlagError, match="no such file or directory"):
        pem(_options("--ca-cert", str(tmp_path / "y")), "ca-cert")
    assert pem(_options(), "ca-cert") == ""
