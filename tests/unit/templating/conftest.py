"""Keeps what ansible-core leaves behind, when its plugins are borrowed, out of people's homes."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def ansible_cores_own_temporary_folder(tmp_path_factory):
    # It makes one when it is imported, and a test worker does not end in a way that removes it.
    before = os.environ.get("ANSIBLE_LOCAL_TEMP")
    os.environ["ANSIBLE_LOCAL_TEMP"] = str(tmp_path_factory.mktemp("ansible"))
    yield
    if before is None:
        del os.environ["ANSIBLE_LOCAL_TEMP"]
    else:
        os.environ["ANSIBLE_LOCAL_TEMP"] = before
