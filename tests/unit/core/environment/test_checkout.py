"""What is read from a checkout's files, compared with what git itself says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from core.environment.checkout import is_checkout, read_checkout_report, read_git
from tests.helpers.environments import make_checkout

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="compares with git")


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, encoding="utf-8", env=clean
    )
    return done.stdout.strip()


def committed(folder: Path) -> str:
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return git(folder, "rev-parse", "HEAD")


@needs_git
def test_commit_branch_and_tag_in_every_way_git_stores_them(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    commit = committed(checkout)
    assert read_git(checkout) == (commit, "main", None)
    git(checkout, "checkout", "-qb", "dev/sd3")
    assert read_git(checkout) == (commit, "dev/sd3", None)
    git(checkout, "tag", "v0.9.1")
    assert read_git(checkout) == (commit, "dev/sd3", "v0.9.1")
    git(checkout, "tag", "-d", "v0.9.1")
    git(checkout, "tag", "-a", "-m", "annotated", "v0.9.2")
    git(checkout, "pack-refs", "--all")
    assert read_git(checkout) == (commit, "dev/sd3", "v0.9.2")
    git(checkout, "checkout", "-q", "--detach")
    assert read_git(checkout) == (commit, None, "v0.9.2")


@needs_git
def test_submodules_and_worktrees(tmp_path: Path) -> None:
    inner = make_checkout(tmp_path / "origin")
    commit = committed(inner)
    outer = tmp_path / "kohya_ss"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sd-scripts")
    assert read_git(outer / "sd-scripts")[0] == commit
    git(inner, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    assert read_git(tmp_path / "side")[:2] == (commit, "side")


def test_a_download_without_git(tmp_path: Path) -> None:
    report = read_checkout_report(make_checkout(tmp_path / "sd-scripts"))
    assert (report.commit, report.branch, report.version) == (None, None, "0.10.1")
    assert report.scripts == ("sdxl_train.py", "train_network.py")
    assert report.requirements == ("accelerate==1.6.0", "prodigyopt==1.1.2")
    assert report.problem is None


@pytest.mark.parametrize("head", ["", "ref: refs/heads/none", "zzzz", "ref: ../../../../etc/hostname"])
def test_a_damaged_repository_gives_nothing_rather_than_an_error(tmp_path: Path, head: str) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    (checkout / ".git").mkdir()
    (checkout / ".git" / "HEAD").write_text(head, encoding="utf-8")
    (checkout / ".git" / "packed-refs").write_bytes(b"^\xff\n#x\nnonsense\n")
    report = read_checkout_report(checkout)
    assert report.commit is None
    assert report.problem is None


def test_what_is_no_checkout_says_why(tmp_path: Path) -> None:
    missing = read_checkout_report(tmp_path / "gone").problem
    assert missing is not None
    assert "is gone" in missing.en
    empty = read_checkout_report(tmp_path).problem
    assert empty is not None
    assert "no training script" in empty.en
    (tmp_path / "sd-scripts").mkdir()
    submodule = read_checkout_report(tmp_path).problem
    assert submodule is not None
    assert "git submodule update" in submodule.en
    assert not is_checkout(tmp_path)


def test_helpers_that_only_look_like_scripts_are_left_out(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    (checkout / "train_util.py").write_text("x = 1\n", encoding="utf-8")
    assert "train_util.py" not in read_checkout_report(checkout).scripts


def test_a_module_in_the_way_of_the_optimizers_is_named(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    assert read_checkout_report(checkout).own_optimizers is None
    (checkout / "optimizers.py").touch()
    assert read_checkout_report(checkout).own_optimizers == str(checkout / "optimizers.py")
