"""Every reader of files: its own input is read, a damaged one is read or refused in one line."""

import warnings

import numpy as np
import pytest

from tests.formats.fuzz import damaged
from tests.guided.fuzz import CORPUS, slug
from tests.guided.readers import READERS, judged

NEVER_READ = {"cifar parquet"}
"""Whose input is too small to be the data set: decoded, and then refused."""


@pytest.fixture(params=list(READERS))
def reader(request, tmp_path):
    READERS[request.param].make(tmp_path)
    return request.param, READERS[request.param]


def test_an_input_is_read_whole_and_damaged_it_is_read_or_refused(reader, tmp_path):
    name, reader = reader
    path = tmp_path / reader.file
    whole = path.read_bytes()
    found = [judged(reader, tmp_path)]
    assert (found[0] == "read") != (name in NEVER_READ)
    kept = sorted(found.read_bytes() for found in (CORPUS / slug(name)).glob("*"))
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in [*kept, *(damaged(whole, rng) for _ in range(20))]:
            path.write_bytes(data)
            found.append(judged(reader, tmp_path))
    assert set(found) <= {"read", "refused"}
