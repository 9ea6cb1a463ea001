"""The built wheel works away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = ("lmkit", "cli", "corpora", "setup.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what the wheel installs."""
    source = tmp_path_factory.mktemp("source")
    for name in NEEDED:
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, source / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, source / name)
    wheels = source / "wheels"
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(wheels), "."],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = wheels.glob("lmkit-*.whl")
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(site: Path, code: str, cwd: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_but_lmkit_lands_in_site_packages(site: Path) -> None:
    assert {path.name.partition("-")[0] for path in site.iterdir()} == {"lmkit"}
    assert (site / "lmkit" / "py.typed").exists()
    assert (site / "lmkit" / "corpora" / "catalogue.toml").exists()


def test_every_module_is_in_it(site: Path) -> None:
    for folder, inside in (("lmkit", "lmkit"), ("cli", "lmkit/cli"), ("corpora", "lmkit/corpora")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (site / inside / path.relative_to(ROOT / folder)).exists(), path


def test_it_fits_and_scores_away_from_the_checkout(site: Path, tmp_path: Path) -> None:
    """With a model that few compiled functions count and score: all are compiled anew here."""
    where = run(site, "import lmkit, lmkit.cli as c; print(lmkit.__file__, c.__file__)", tmp_path)
    assert all(Path(path).is_relative_to(site) for path in where.split())
    code = "import sys; from lmkit.cli.main import main; sys.argv = {}; main()"
    run(site, code.format(["lmkit", "fit", "--model", "unigram", "-o", "m.lmkit"]), tmp_path)
    (tmp_path / "text.txt").write_text("the value of the expression\n")
    out = run(site, code.format(["lmkit", "score", "m.lmkit", "text.txt"]), tmp_path)
    assert out.splitlines()[1].startswith("0\t6\t0\t")  # sentence, events, unknown words
    assert out.rstrip().endswith("the value of the expression")
