"""Files that cannot be written: found before the work, and no work lost after it."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import lmkit
from lmkit.cli.main import cli
from lmkit.errors import WriteError

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw a dog\n" * 8


@pytest.fixture(autouse=True)
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)  # so that TMPDIR is read
    (tmp_path / "temporary").mkdir()
    (tmp_path / "out").mkdir()
    path = tmp_path / "pets.txt"
    path.write_text(TEXT)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.parametrize(
    "command",
    [
        "fit --model bigram missing -o out/m.lmkit",
        "fit --model kneser-ney missing -o out/m.arpa.gz",
        "fit --model word-rnn missing -o m.lmkit --checkpoint out/run.ckpt",
        "compare missing --report out/page.html",
        "vocab missing -o out/vocab.json",
        "zipf missing --plot out/zipf.svg",
        "mix missing.lmkit --valid missing -o out/m.lmkit",
        "adapt missing.lmkit --valid missing -o out/m.lmkit",
        "prune missing.lmkit --threshold 0.1 -o out/m.lmkit",
        "convert missing.arpa out/m.lmkit",
    ],
)
def test_a_folder_that_takes_no_file_is_found_before_anything_is_read(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = lmkit.storage.tempfile.NamedTemporaryFile

    def read_only(*, dir: Path, **options: Any) -> Any:  # noqa: A002 - tempfile's name
        if Path(dir).name == "out":
            raise OSError(errno.EROFS, "Read-only file system")
        return temporary(dir=dir, **options)

    monkeypatch.setattr("lmkit.storage.tempfile.NamedTemporaryFile", read_only)
    result = run(*command.split())
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: cannot write out/.*: Read-only file system; .*\n", result.stderr)


def test_a_device_is_no_place_for_a_model() -> None:
    result = run("fit", "--model", "bigram", "missing", "-o", "/dev/null")
    assert result.exit_code == 1
    assert "cannot write /dev/null: it is no regular file" in result.stderr


def test_a_model_that_cannot_be_written_after_all_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    write = lmkit.models.files.write_model_file

    def full(path: Path, *content: Any) -> None:
        if Path(path).parent.name == "out":
            raise WriteError(f"cannot write {path}: No space left on device")
        write(path, *content)

    monkeypatch.setattr("lmkit.models.files.write_model_file", full)
    result = run("fit", "--model", "bigram", "pets.txt", "-o", "out/m.lmkit")
    assert result.exit_code == 1
    found = re.fullmatch(
        r"Error: cannot write out/m.lmkit: No space left on device; it is kept as (\S+), move it "
        r"from there\n",
        result.stderr,
    )
    assert found is not None
    kept = Path(found[1])
    assert kept.is_relative_to(Path("temporary").resolve())
    assert lmkit.load(kept).spec == "bigram"
    assert not Path("out/m.lmkit").exists()


def test_where_nothing_can_be_kept_the_first_error_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: Any) -> None:
        raise WriteError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr("lmkit.models.files.write_model_file", full)
    monkeypatch.setenv("HOME", str(Path("temporary").resolve()))
    result = run("fit", "--model", "bigram", "pets.txt", "-o", "out/m.lmkit")
    assert result.stderr == "Error: cannot write out/m.lmkit: No space left on device\n"
    assert not list(Path().rglob("lmkit-*"))


@pytest.mark.filterwarnings("default::UserWarning")
def test_a_checkpoint_that_fails_in_training_does_not_lose_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, *_: Any, **__: Any) -> Any:
        raise WriteError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr("lmkit.models.rnn.checkpoints.write_model_file", full)
    _fit_with_failing("--checkpoint", "run.ckpt")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.filterwarnings("default::UserWarning")
def test_a_log_that_fails_in_training_does_not_lose_the_model() -> None:
    _fit_with_failing("--log", "/dev/full")


def _fit_with_failing(option: str, path: str) -> None:
    spec = "word-rnn:hidden=4,embedding=4,epochs=1,tied=no"
    result = run("fit", "--model", spec, "pets.txt", option, path)
    assert result.exit_code == 0, result.output
    assert f"Note: cannot write {path}: No space left on device; training goes on" in result.stderr
    assert lmkit.load("word-rnn.lmkit").name == "word-rnn"
