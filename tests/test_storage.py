"""Model files: what is written is read again, and what is damaged is refused."""

from __future__ import annotations

import errno
import json
import mmap
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lmkit import storage
from lmkit.errors import FormatError, LmkitError, WriteError
from lmkit.storage import (
    FORMAT,
    atomic_file,
    check_writable,
    read_model_file,
    write_atomically,
    write_model_file,
)

DTYPES = st.sampled_from(["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=5).filter(lambda name: name != "__metadata__"),
    hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
    max_size=4,
)
# JSON holds these as they are.
HEADERS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)
SAMPLE = {
    "counts": np.arange(7, dtype=np.int64),
    "log_probs": np.linspace(-9, 0, 6).reshape(2, 3),
    "flags": np.array([True, False]),
    "empty": np.empty((0, 3), np.float32),
}
HEADER = {"model": "bigram", "parameters": {"alpha": 0.1, "order": 2}, "lmkit": "0.1.0"}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(
        a[name].dtype == b[name].dtype
        and a[name].shape == b[name].shape
        and a[name].tobytes() == b[name].tobytes()
        for name in a
    )


def refuse(path: Path, reason: str = ".") -> None:
    with pytest.raises(FormatError, match=reason) as it:
        read_model_file(path)
    message = str(it.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


# ---------------------------------------------------------------------- there and back


@given(arrays=ARRAYS, header=HEADERS)
def test_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Any], header: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("there") / "m.lmkit"
    write_model_file(path, arrays, header)
    read, read_header = read_model_file(path)
    assert same(read, arrays)
    assert read_header == header


def test_arrays_are_mapped_and_read_only(tmp_path: Path) -> None:
    path = tmp_path / "m.lmkit"
    write_model_file(path, SAMPLE, HEADER)
    arrays, _ = read_model_file(path)
    for array in arrays.values():
        base: Any = array
        while not isinstance(base, mmap.mmap) and array.size:
            base = base.base
        assert not array.flags.writeable or array.size == 0
        assert array.ctypes.data % array.dtype.itemsize == 0


def test_views_and_orders_are_written_as_they_look(tmp_path: Path) -> None:
    path = tmp_path / "m.lmkit"
    arrays = {"step": np.arange(20)[::3], "turned": np.arange(6.0).reshape(2, 3).T}
    write_model_file(path, arrays, {})
    read, _ = read_model_file(path)
    for name in arrays:
        assert np.array_equal(read[name], arrays[name])


def test_safetensors_reads_it_too(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    path = tmp_path / "m.lmkit"
    write_model_file(path, SAMPLE, HEADER)
    assert same(dict(load_file(path)), SAMPLE)


def test_one_model_is_one_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_model_file(tmp_path / name, SAMPLE, HEADER)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b"]


# ---------------------------------------------------------------------- damage


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "m.lmkit"
    write_model_file(path, SAMPLE, HEADER)
    return path.read_bytes()


def test_cut_off_anywhere(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "m.lmkit"
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        refuse(path)
    path.write_bytes(whole[:-1])
    refuse(path, "cut off: array .* ends at byte .*fit the model again")
    path.write_bytes(whole[:100])
    refuse(path, "cut off within its header")
    path.write_bytes(b"")
    refuse(path, "the file is empty")


@pytest.mark.parametrize("change", [0x01, 0x80, 0xFF])
def test_a_byte_flipped_anywhere(tmp_path: Path, whole: bytes, change: int) -> None:
    path = tmp_path / "m.lmkit"
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= change
        path.write_bytes(damaged)
        try:
            arrays, header = read_model_file(path)
        except FormatError:
            continue
        assert same(arrays, SAMPLE), place
        assert header == HEADER, place


@settings(max_examples=300)
@given(data=st.data())
def test_damaged_in_any_way(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    instead = data.draw(st.binary(max_size=20) | st.sampled_from([b"1e999", b"[" * 5000, b"-1"]))
    path = tmp_path_factory.mktemp("any") / "m.lmkit"
    path.write_bytes(whole[:start] + instead + whole[stop:])
    try:
        arrays, header = read_model_file(path)
    except FormatError:
        return
    assert same(arrays, SAMPLE)
    assert header == HEADER


def describe(description: Any, data: bytes = b"") -> bytes:
    encoded = description if isinstance(description, bytes) else json.dumps(description).encode()
    return len(encoded).to_bytes(8, "little") + encoded + data


META = {"format": FORMAT, "version": "1", "lmkit": "{}"}
U8 = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"just some text, more than eight bytes of it", "not an lmkit model file"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "not an lmkit model file"),
        (b"{}", "not an lmkit model file"),
        ((1 << 63).to_bytes(8, "little") + b"{}", "not an lmkit model file"),
        (describe({}), "not an lmkit model file"),
        (describe([]), "not an lmkit model file"),
        (describe({"__metadata__": {"format": "pt"}}), "not an lmkit model file"),
        (describe({"__metadata__": 3}), "not an lmkit model file"),
        (describe(b"{" * 100_000), "header is damaged"),
        (describe(b'{"a": ' + b"[" * 100_000), "header is damaged"),
        (describe(b'{"a": \xff}'), "header is damaged"),
        (describe({"__metadata__": {**META, "version": "2"}}), "written in format 2.*reads 1"),
        (describe({"__metadata__": {**META, "lmkit": 3}}), "damaged"),
        (describe({"__metadata__": {**META, "lmkit": "3"}}), "damaged"),
        (describe({"__metadata__": {**META, "lmkit": "{"}}), "damaged"),
        (describe({"__metadata__": {"format": FORMAT, "version": "1"}}), "damaged"),
        (describe({"__metadata__": META, "a": U8}, b"x"), "damaged"),  # without a checksum
        (describe({"__metadata__": META, "a": 3}), "entry of array 'a' is damaged"),
        (describe({"__metadata__": META, "a": {**U8, "dtype": "F8"}}, b"x"), "entry of array"),
        (describe({"__metadata__": META, "a": {**U8, "dtype": []}}, b"x"), "entry of array"),
        (describe({"__metadata__": META, "a": {**U8, "shape": [2]}}, b"x"), "entry of array"),
        (describe({"__metadata__": META, "a": {**U8, "shape": [-1]}}, b"x"), "entry of array"),
        (describe({"__metadata__": META, "a": {**U8, "shape": "1"}}, b"x"), "damaged"),
        (describe({"__metadata__": META, "a": {**U8, "shape": [1e400]}}, b"x"), "entry of array"),
        (
            describe(
                {
                    "__metadata__": META,
                    "a": {"dtype": "U8", "shape": [1 << 32, 1 << 32], "data_offsets": [0, 0]},
                }
            ),
            "entry of array",
        ),
        (describe({"__metadata__": META, "a": {**U8, "data_offsets": [1, 0]}}), "entry of array"),
        (describe({"__metadata__": META, "a": {**U8, "data_offsets": [4, 5]}}, b"x"), "cut off"),
    ],
)
def test_foreign_and_crafted_files(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "m.lmkit"
    path.write_bytes(content)
    refuse(path, reason)


def test_not_a_file(tmp_path: Path) -> None:
    refuse(tmp_path / "gone", "no such file; `lmkit fit -o")
    refuse(tmp_path, "cannot be read")


def test_large_arrays_are_checked_when_asked(
    tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_VERIFIED", 16)
    path = tmp_path / "m.lmkit"
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    arrays, _ = read_model_file(path)
    assert not same(arrays, SAMPLE)
    with pytest.raises(FormatError, match=r"arrays are damaged \(checksum\)"):
        read_model_file(path, check_all=True)


def test_something_appended(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "m.lmkit"
    path.write_bytes(whole + b"more")
    refuse(path, "checksum")


# ---------------------------------------------------------------------- writing


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail() -> None:
        with atomic_file(path) as handle:
            handle.write(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "folder", tmp_path):
        with pytest.raises(LmkitError, match=r"cannot write .*; choose another place") as it:
            write_atomically(path, b"")
        assert "\n" not in str(it.value)


def test_a_probe_finds_what_writing_would_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    check_writable(path)
    check_writable(tmp_path / "new")
    for bad in (tmp_path / "no" / "folder", tmp_path, Path(os.devnull)):
        with pytest.raises(WriteError, match=r"cannot write .*; choose another place"):
            check_writable(bad)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lmkit.storage.os.fsync", full)
    with pytest.raises(WriteError, match=f"cannot write {path}: No space left on device"):
        check_writable(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_a_new_file_is_as_readable_as_any(tmp_path: Path) -> None:
    write_atomically(tmp_path / "ours", b"")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
@pytest.mark.parametrize("moment", ["before", "within", "behind"])
def test_a_killed_writer_leaves_the_old_file_or_the_new(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "m.lmkit"
    write_atomically(path, b"old")
    code = f"""
import os, signal, sys
from lmkit.storage import atomic_file
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
with atomic_file({str(path)!r}) as handle:
    {"die()" if moment == "before" else ""}
    handle.write(b"new" * 10**6)
    handle.flush()
    {"die()" if moment == "within" else ""}
die()
"""
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    expected = b"new" * 10**6 if moment == "behind" else b"old"
    assert path.read_bytes() == expected


def test_a_reader_sees_one_file_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "m.lmkit"
    models = [{"a": np.full(1000, value)} for value in (1, 2)]
    write_model_file(path, models[0], {"which": 0})
    done = threading.Event()

    def write() -> None:
        for turn in range(40):
            write_model_file(path, models[turn % 2], {"which": turn % 2})
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        arrays, header = read_model_file(path)
        assert same(arrays, models[header["which"]])
    writer.join()
