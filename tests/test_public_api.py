"""The public Python API: what ``import datalad_stackpack`` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import datalad_stackpack


@pytest.mark.parametrize("name", datalad_stackpack.__all__)
def test_every_exported_name_is_there_and_listed(name):
    assert getattr(datalad_stackpack, name)
    assert name in dir(datalad_stackpack)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'pack_two'"):
        datalad_stackpack.pack_two  # noqa: B018


def test_importing_the_package_loads_no_other_module_of_it():
    words = "import sys, datalad_stackpack; print(*(m for m in sys.modules if 'stackpack.' in m))"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
