import pytest

from neurosvt.config import UserError
from neurosvt.results.places import check_folder, check_writable


def test_a_file_that_cannot_be_written_is_refused_beforehand(tmp_path):
    with pytest.raises(UserError, match="it is a folder"):
        check_writable(tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        check_writable(tmp_path / "none" / "rows.json")
    check_writable(tmp_path / "rows.json")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_may_be_there_or_not_but_is_no_file(tmp_path):
    assert check_folder(tmp_path) == tmp_path
    assert check_folder(tmp_path / "new" / "newer") == tmp_path / "new" / "newer"
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file; --out names a folder"):
        check_folder(tmp_path / "file" / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
