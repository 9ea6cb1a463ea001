"""The direction of flow: who may import whom, and what a bare import must not load."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"lmkit": ROOT / "lmkit", "lmkit.cli": ROOT / "cli", "lmkit.corpora": ROOT / "corpora"}

# A module imports only from its own layer and from those above it in this list. The longest
# name that fits a module says its layer. `lmkit` itself is the version and the lazy names.
LAYERS = [
    {"lmkit"},
    {"lmkit.errors"},
    {"lmkit.storage"},
    {"lmkit.kernels"},
    {"lmkit.corpora"},
    {"lmkit.text"},
    {"lmkit.results"},
    {"lmkit.models"},
    {"lmkit.evaluation"},
    {"lmkit.statistics"},
    {"lmkit.lab"},
    {"lmkit.reporting"},
    {"lmkit.cli"},
]
LAYER_OF = {name: number for number, names in enumerate(LAYERS) for name in names}
KINDS = ("lmkit.models.ngram", "lmkit.models.rnn", "lmkit.models.combined")
HEAVY = ("torch", "pandas", "matplotlib", "numba", "scipy")


def prefixes(module: str) -> list[str]:
    """Return the packages that a module lies in and itself, the longest first."""
    return list(accumulate(module.split("."), "{}.{}".format))[::-1]


def layer(module: str) -> int:
    found = [name for name in prefixes(module) if name in LAYER_OF]
    assert found, f"{module} lies in no layer: give it a place in LAYERS"
    assert found[0] != "lmkit" or module == "lmkit", f"{module} has no place in LAYERS"
    return LAYER_OF[found[0]]


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in FOLDERS.items():
        for file in sorted(folder.rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            yield ".".join((package, *parts)), file


MODULES = dict(modules())


def imports(module: str, file: Path) -> Iterator[str]:
    """Yield the modules of lmkit that a module imports, anywhere in it, for types alone too."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("lmkit"))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            if source == "lmkit" or source.startswith("lmkit."):
                for alias in node.names:
                    inner = f"{source}.{alias.name}"
                    yield inner if inner in MODULES else source


def test_the_walk_sees_the_package() -> None:
    assert {"lmkit", "lmkit.errors", "lmkit.cli.main", "lmkit.corpora.catalogue"} <= set(MODULES)
    found = set(imports("lmkit.models.files", MODULES["lmkit.models.files"]))
    assert {"lmkit.models.base", "lmkit.storage", "lmkit.text.corpus", "lmkit"} <= found
    relative = set(imports("lmkit.cli.fit", MODULES["lmkit.cli.fit"]))
    assert {"lmkit.cli.options", "lmkit.models.registry"} <= relative


@pytest.mark.parametrize("module", [name for name in MODULES if name != "lmkit"])
def test_imports_run_one_way(module: str) -> None:
    for imported in imports(module, MODULES[module]):
        assert layer(imported) <= layer(module), f"{module} imports {imported}"


def test_scores_and_reports_know_no_kind_of_model() -> None:
    """What ranks and shows models knows them by their one interface."""
    for module, file in MODULES.items():
        if module.startswith(("lmkit.evaluation", "lmkit.reporting")):
            for imported in imports(module, file):
                assert not imported.startswith(KINDS), module


def test_public_names_are_where_they_are_said_to_be() -> None:
    import lmkit

    assert lmkit.__all__ == sorted(lmkit.__all__, key=lambda name: (name[0] == "_", name))
    for name in lmkit.__all__:
        assert getattr(lmkit, name) is not None
        assert name in dir(lmkit)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        lmkit.nonsense  # noqa: B018


def test_every_model_is_public() -> None:
    import lmkit
    from lmkit.models.registry import REGISTRY

    for entry in REGISTRY.values():
        assert lmkit._PUBLIC[entry.class_name] == entry.module


def test_type_checkers_see_every_public_name() -> None:
    """The names are imported twice: when they are used, and for type checkers."""
    import lmkit

    seen = {
        alias.asname: node.module
        for node in ast.walk(ast.parse(MODULES["lmkit"].read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("lmkit.")
        for alias in node.names
    }
    assert seen == lmkit._PUBLIC


def loaded_by(code: str, *, cwd: Path) -> set[str]:
    """Return the modules that a fresh process has loaded behind some code."""
    checkout = f"import lmkit; lmkit.__path__.append({str(ROOT)!r})\n"
    shown = "\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", checkout + code + shown],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_importing_lmkit_is_light(tmp_path: Path) -> None:
    assert all(find_spec(name) for name in HEAVY)
    loaded = loaded_by("dir(lmkit)", cwd=tmp_path)
    assert not loaded & {*HEAVY, "numpy"}
    assert {name for name in loaded if name.startswith("lmkit")} == {"lmkit"}


HELP = """
import contextlib, io
from lmkit.cli import main
for command in {commands}:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main.cli([*command, "--help"])
    assert "Usage" in out.getvalue(), command
"""


def test_help_is_light(tmp_path: Path) -> None:
    loaded = loaded_by(HELP.format(commands=[[]]), cwd=tmp_path)
    assert not loaded & {*HEAVY, "numpy", "rich", "pooch", "regex", "safetensors"}


def test_help_of_every_command_is_light(tmp_path: Path) -> None:
    from lmkit.cli.main import COMMANDS

    loaded = loaded_by(HELP.format(commands=[[name] for name in COMMANDS]), cwd=tmp_path)
    assert not loaded & set(HEAVY)


def test_counting_models_need_no_torch(tmp_path: Path) -> None:
    code = """
corpus = lmkit.Corpus.from_string("the cat sat\\nthe dog sat\\n")
for name in ("uniform", "bigram"):
    model = lmkit.fit(name, corpus)
    model.save("m.lmkit")
    lmkit.load("m.lmkit").score(corpus).to_dict()
    model.generate(tokens=3, seed=1)
"""
    loaded = loaded_by(code, cwd=tmp_path)
    assert not loaded & {"torch", "pandas", "matplotlib"}
