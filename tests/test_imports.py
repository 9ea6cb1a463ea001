"""The direction of flow: who may import whom, and what a bare import must not load.

The rooms and their order are read from the drawing in CONTRIBUTING.md.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"lmkit": ROOT / "lmkit", "lmkit.cli": ROOT / "cli", "lmkit.corpora": ROOT / "corpora"}
KINDS = ("lmkit.models.ngram", "lmkit.models.rnn", "lmkit.models.combined")
HEAVY = ("torch", "pandas", "matplotlib", "numba", "scipy")
LAZY = {"lmkit", "lmkit.models.registry", "lmkit.cli.main"}
"""Modules that import others by name: the public names, the models, the commands."""
BY_NAME = {"import_module", "__import__", "spec_from_file_location", "SourceFileLoader", "run_path"}
THREADS = {"threading", "concurrent", "multiprocessing", "_thread"}


def drawn_rooms(text: str) -> dict[str, int]:
    """Return the rooms of the drawing and the number of their column, counted from the left."""
    drawing = re.search(r"^    types.*?(?=^\n)", text, re.MULTILINE | re.DOTALL)
    assert drawing is not None, "CONTRIBUTING.md has no drawing of the rooms"
    columns = [column.split(",") for column in drawing[0].split("<")]
    names = {f"lmkit.{name.strip()}": n for n, column in enumerate(columns) for name in column}
    assert len(names) == sum(map(len, columns)), "a room is drawn twice"
    return names


ROOMS = drawn_rooms((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


def room(module: str) -> str:
    """Return the room of a module: the drawn package or module that it lies in, the innermost."""
    packages = list(accumulate(module.split("."), "{}.{}".format))
    found = [name for name in packages if name in ROOMS]
    assert found, f"{module} lies in no room: draw its room in CONTRIBUTING.md"
    return found[-1]


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in FOLDERS.items():
        for file in sorted(folder.rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            yield ".".join((package, *parts)), file


MODULES = dict(modules())
# Packages without code of their own, which no import rule is about.
EMPTY = {name for name, file in MODULES.items() if len(ast.parse(file.read_text()).body) < 2}


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a module that are run: all but those under ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for other in node.orelse:
                yield other
                yield from statements(other)
        else:
            yield node
            yield from statements(node)


def imported(module: str, source: str, *, package: bool = False) -> Iterator[str]:
    """Yield what a module imports when it is run, anywhere in it: ``package.module[.name]``."""
    home = module if package else module.rpartition(".")[0]
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = home.split(".")[: 1 - node.level or None] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def own_module(name: str) -> str:
    """Return the module of lmkit that an imported name is, or that it is in; empty for others."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def graph() -> dict[str, set[str]]:
    """Return the modules that each module of lmkit imports."""
    return {
        module: {
            found
            for name in imported(
                module, file.read_text(encoding="utf-8"), package=file.name == "__init__.py"
            )
            if (found := own_module(name)) and found != module
        }
        for module, file in MODULES.items()
    }


GRAPH = graph()


def circle(edges: Mapping[str, set[str]]) -> str:
    """Return a circle of modules, each importing the next one; empty where there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return ""


def test_the_walk_sees_the_package() -> None:
    assert {"lmkit", "lmkit.errors", "lmkit.cli.main", "lmkit.corpora.catalogue"} <= set(MODULES)
    known = {"lmkit.models.core", "lmkit.storage", "lmkit.text.corpus", "lmkit"}
    assert known <= GRAPH["lmkit.models.files"]
    assert {"lmkit.cli.options", "lmkit.models.registry"} <= GRAPH["lmkit.cli.fit"]  # in a function
    assert "lmkit.models.ngram.backoff" not in GRAPH["lmkit.models.ngram.arpa.writer"]  # for types
    source = "if TYPE_CHECKING:\n  import a\nelse:\n  import b\ndef f():\n  from . import c\n"
    assert set(imported("lmkit.text.x", source)) == {"b", "lmkit.text.c"}


def test_a_circle_is_seen_and_shown() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == ""
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) in ("b -> c -> b", "c -> b -> c")


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert circle(GRAPH) == ""


def test_the_drawing_has_the_rooms_that_there_are() -> None:
    assert set(ROOMS) <= set(MODULES)
    assert {room(module) for module in set(MODULES) - EMPTY - {"lmkit"}} == set(ROOMS)


@pytest.mark.parametrize("module", sorted(set(MODULES) - EMPTY - {"lmkit"}))
def test_imports_run_one_way(module: str) -> None:
    """A module imports from its own room, and from rooms before it; `lmkit` is the version."""
    home = room(module)
    for other in GRAPH[module] - EMPTY - {"lmkit"}:
        allowed = room(other) == home or ROOMS[room(other)] < ROOMS[home]
        assert allowed, f"{module} imports {other}"


@pytest.mark.parametrize("module", sorted(set(MODULES) - LAZY))
def test_nothing_is_imported_by_name(module: str) -> None:
    source = MODULES[module].read_text(encoding="utf-8")
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    names |= {name.rpartition(".")[2] for name in imported(module, source)}
    assert not names & BY_NAME


def test_one_module_starts_threads() -> None:
    """Others may hold a lock, and torch has threads of its own."""
    locks = {"threading.RLock", "threading.Lock"}
    starting = {
        module
        for module, file in MODULES.items()
        for name in imported(module, file.read_text(encoding="utf-8"))
        if name.partition(".")[0] in THREADS and name not in locks
    }
    assert starting == {"lmkit.parallel"}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_and_functions_are_short(module: str) -> None:
    """At most 400 lines a module, and 60 a function without its docstring."""
    source = MODULES[module].read_text(encoding="utf-8")
    assert source.count("\n") <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            doc = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            assert (node.end_lineno or 0) - node.lineno + 1 - doc <= 60, node.name


def test_scores_and_reports_know_no_kind_of_model() -> None:
    """What ranks and shows models knows them by their one interface."""
    for module, others in GRAPH.items():
        if module.startswith(("lmkit.evaluation", "lmkit.reporting")):
            for other in others:
                assert not other.startswith(KINDS), f"{module} imports {other}"


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
