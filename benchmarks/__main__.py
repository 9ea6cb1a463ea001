"""Run benchmarks: ``python -m benchmarks [NAME ...]``, by default all of them.

A benchmark is a module of this folder that can be run by itself; each runs in a process of its own,
so that its memory can be measured.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def benchmarks() -> list[str]:
    """Return the names of the modules that can be run, in alphabetical order."""
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        if path.name != "__main__.py" and '__name__ == "__main__"' in path.read_text("utf-8"):
            found.append(path.stem)
    return found


def main() -> None:
    known = benchmarks()
    chosen = sys.argv[1:] or known
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        sys.exit(f"unknown benchmark {unknown[0]!r}; there are {', '.join(known)}")
    failed = []
    for name in chosen:
        print(f"\n===== {name} =====", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if subprocess.run(command, cwd=FOLDER.parent, check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
