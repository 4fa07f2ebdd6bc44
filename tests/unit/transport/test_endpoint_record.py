"""An endpoint that was written down is the same one again, but for its password."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from outlast.errors import ActionFailed
from outlast.transport.endpoint import Endpoint, Identity
from outlast.transport.endpoint_record import described, restored

ROOT = Identity(method="sudo", user="root", exe="sudo", flags="-H -S -n")
ENDPOINTS = [
    Endpoint(kind="local", host="localhost"),
    Endpoint(kind="ssh", host="db.example", port=2222, user="me", python="auto", timeout=3),
    Endpoint(kind="ssh", host="db.example", pythons=("python3",), identity=ROOT),
]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_what_was_written_down_can_be_read_again(endpoint):
    assert restored(json.loads(json.dumps(described(endpoint)))) == endpoint


def test_a_password_is_not_written_and_can_be_given_again():
    secret = replace(ROOT, password="hunter2")
    endpoint = Endpoint(kind="local", host="localhost", identity=secret)
    plain = described(endpoint)
    assert "hunter2" not in json.dumps(plain)
    assert restored(plain, become_password="hunter2") == endpoint


def test_a_password_is_of_no_use_to_who_becomes_nobody():
    assert restored(described(ENDPOINTS[0]), become_password="x") == ENDPOINTS[0]


def test_what_is_usual_is_not_written():
    assert described(ENDPOINTS[0]) == {"kind": "local", "host": "localhost"}


@pytest.mark.parametrize("plain", [{}, {"kind": "ssh", "host": 5}, {"kind": "ssh"}])
def test_what_is_no_endpoint_is_refused(plain):
    with pytest.raises(ActionFailed, match="no place of a host"):
        restored(plain)
