import subprocess

import pytest

from neurosvt.results.commit import commit_of


def git(folder, *words):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    return folder


def test_the_commit_is_the_one_that_is_checked_out(package):
    git(package, "add", ".")
    git(package, "commit", "-q", "-m", "first")
    assert commit_of(package) == git(package, "rev-parse", "--short", "HEAD")


def test_files_that_differ_from_the_commit_are_told(package):
    git(package, "add", ".")
    git(package, "commit", "-q", "-m", "first")
    (package / "__init__.py").write_text("changed = 1\n")
    assert commit_of(package) == git(package, "rev-parse", "--short", "HEAD") + "-dirty"


def test_a_package_inside_somebody_elses_repository_has_not_their_commit(package):
    (package.parent / "theirs.txt").write_text("")
    git(package.parent, "add", "theirs.txt")
    git(package.parent, "commit", "-q", "-m", "theirs")
    assert commit_of(package) is None


def test_without_a_repository_there_is_no_commit(tmp_path):
    assert commit_of(tmp_path / "nowhere") is None
