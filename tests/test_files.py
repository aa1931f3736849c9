import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from neurosvt.cli import main
from neurosvt.files import STALE, whole_file, write_whole

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links, modes and pipes are of POSIX")


def test_what_fails_leaves_what_was_there_and_no_draft(tmp_path):
    file = tmp_path / "a.json"
    write_whole(file, b"before")

    def fail():
        with whole_file(file) as stream:
            stream.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert file.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["a.json"]


@POSIX
def test_a_link_stays_a_link_and_what_it_leads_to_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@POSIX
def test_a_link_that_leads_nowhere_makes_what_it_names(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_the_mode_is_kept(mode, tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"old")
    file.chmod(mode)
    write_whole(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == mode


@POSIX
def test_a_new_file_has_the_mode_that_the_mask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@POSIX
def test_a_device_is_written_to_and_never_replaced(tmp_path):
    write_whole(Path("/dev/null"), b"x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@POSIX
def test_a_pipe_gets_all_and_stays_a_pipe(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with whole_file(pipe) as stream:
        stream.write(b"0123456789")
        stream.seek(0)
        stream.write(b"ab")
    reader.join(20)
    assert got == [b"ab23456789"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@POSIX
def test_json_to_the_null_device_leaves_the_device(capsys):
    assert main(["list", "models"]) == 0
    assert main(["data", "info", "missing.raw", "--json", "/dev/null"]) == 2
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_two_writers_at_once_leave_one_of_both_whole(tmp_path):
    file, parts = tmp_path / "a", [bytes([i]) * 200_000 for i in range(4)]
    writers = [
        threading.Thread(target=lambda part=part: [write_whole(file, part) for _ in range(5)])
        for part in parts
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert file.read_bytes() in parts
    assert os.listdir(tmp_path) == ["a"]


def test_stale_drafts_go_and_those_being_written_stay(tmp_path):
    old, fresh, other = (tmp_path / n for n in (".a[1].x.draft", ".a[1].y.draft", ".b.x.draft"))
    for draft in (old, fresh, other):
        draft.write_bytes(b"half")
    long_ago = time.time() - STALE - 60
    for draft in (old, other):
        os.utime(draft, (long_ago, long_ago))
    write_whole(tmp_path / "a[1]", b"x")
    assert sorted(os.listdir(tmp_path)) == [".a[1].y.draft", ".b.x.draft", "a[1]"]


def test_what_is_renamed_has_reached_the_disk_and_so_does_its_name(tmp_path, monkeypatch):
    done = []

    def sync(descriptor):
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        done.append((kind, (tmp_path / "new").exists()))

    monkeypatch.setattr(os, "fsync", sync)
    write_whole(tmp_path / "new", b"whole")
    assert done == [("file", False), ("folder", True)]
