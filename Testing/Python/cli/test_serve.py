"""``ldmreg serve``: commands of the same user, executed as if by a process of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import SlicerLDMRegLib
from SlicerLDMRegLib.cli.handover import set_variables, variables
from SlicerLDMRegLib.cli.server_socket import AVAILABLE, receive, send, socket_path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AVAILABLE, reason="no Unix sockets that hand files over"),
]
LIBRARY = Path(SlicerLDMRegLib.__file__).parents[1]
SECONDS = 120  # that a busy machine may take


def start(*words: str, runtime: Path, **options: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY), "XDG_RUNTIME_DIR": str(runtime)}
    environment |= options.pop("env", {})  # type: ignore[arg-type]
    return subprocess.Popen(
        [sys.executable, "-m", "SlicerLDMRegLib", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background of a script, Ctrl-C would be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,  # type: ignore[call-overload]
    )


def run(*words: str, runtime: Path, **options: object) -> tuple[int, str, str]:
    process = start(*words, runtime=runtime, **options)
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Short: the path of a socket has at most 107 characters.
    folder = tmp_path_factory.mktemp("r")
    folder.chmod(0o700)
    return folder


@pytest.fixture(scope="module")
def server(runtime: Path) -> Iterator[subprocess.Popen[str]]:
    process = start("serve", runtime=runtime)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready")
    yield process
    process.terminate()
    assert process.wait(SECONDS) == 0
    assert not list(runtime.rglob("*.sock"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    y, x = np.mgrid[:48, :48]
    for name, shift in (("fixed", 0), ("moving", 3)):
        radius = np.hypot(y - 24, x - 24 - shift)
        image = (40 + x + 120 * (radius < 8) + 60 * (radius < 14)).astype(np.float32)
        sitk.WriteImage(sitk.GetImageFromArray(image), str(folder / f"{name}.nrrd"))
    return folder


def register(output: str, *more: str) -> list[str]:
    images = ["--fixed", "fixed.nrrd", "--moving", "moving.nrrd", "--model", "none"]
    return ["register", *images, "--output", output, *more]


def until_refined(process: subprocess.Popen[str]) -> None:
    """Wait for the line of the refinement."""
    assert process.stderr is not None
    for line in process.stderr:
        if "refine" in line:
            return
    pytest.fail("it ended")


def is_served(err: str, server: subprocess.Popen[str]) -> bool:
    return f"executed by ldmreg serve, process {server.pid}" in err


def test_a_command_is_executed_by_the_server(
    server: subprocess.Popen[str], runtime: Path, pair: Path
) -> None:
    """Relative paths, umask, variables and exit codes are those of the caller."""
    words = register("served", "--share", "--verbose")
    code, out, err = run(*words, runtime=runtime, cwd=pair, umask=0o027)
    assert code == 0 and is_served(err, server)
    assert out.startswith("served/report.html: ")
    assert (pair / "served").stat().st_mode & 0o777 == 0o750
    code, out, err = run(*register("own"), runtime=runtime, cwd=pair, env={"LDMREG_SERVER": "off"})
    assert (code, err) == (0, "")
    fields = [sitk.ReadTransform(str(pair / name / "transform.h5")) for name in ("served", "own")]
    point = (20.0, 25.0)
    assert fields[0].TransformPoint(point) == fields[1].TransformPoint(point)


def test_errors_are_those_of_a_process(
    server: subprocess.Popen[str], runtime: Path, pair: Path
) -> None:
    words = ["register", "--fixed", "no.nrrd", "--moving", "moving.nrrd", "--output", "x"]
    results = [
        run(*words, runtime=runtime, cwd=pair, env=env) for env in ({}, {"LDMREG_SERVER": "off"})
    ]
    assert results[0] == results[1]
    assert results[0][0] == 2 and "no.nrrd" in results[0][2]
    code, _, err = run("register", "--fxed", "a", runtime=runtime, cwd=pair)
    assert code == 2 and "required: --fixed" in err


def test_ctrl_c_ends_the_command_and_not_the_server(
    server: subprocess.Popen[str], runtime: Path, pair: Path
) -> None:
    words = register("cancelled", "--refine-iterations", "99999", "--verbose")
    process = start(*words, runtime=runtime, cwd=pair)
    assert process.stderr is not None
    until_refined(process)
    # Meanwhile others are not kept waiting.
    code, _, err = run(*register("meanwhile", "--verbose"), runtime=runtime, cwd=pair)
    assert code == 0 and not is_served(err, server)
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 130
    assert "cancelled" in process.stderr.read()
    assert not (pair / "cancelled").exists()
    assert server.poll() is None


def test_a_caller_that_is_gone_ends_its_command(
    server: subprocess.Popen[str], runtime: Path, pair: Path
) -> None:
    words = register("killed", "--refine-iterations", "99999", "--verbose")
    process = start(*words, runtime=runtime, cwd=pair)
    until_refined(process)
    process.kill()
    process.wait(SECONDS)
    for attempt in range(100):
        words = register(f"after{attempt}", "--verbose")
        code, _, err = run(*words, runtime=runtime, cwd=pair)
        assert code == 0
        if is_served(err, server):
            return
        time.sleep(0.2)
    pytest.fail("the server is still busy")


def test_nothing_but_requests_is_taken(
    server: subprocess.Popen[str], runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    path = socket_path()
    assert path is not None and path.is_socket()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for data in (b"", b"x", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
    request = {"argv": ["models", "list"], "folder": "/", "umask": 0o22, "variables": {}}
    for bad in (request, {}, {**request, "argv": ["register"], "folder": "/not/there"}):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            send(connection, bad, (1, 2))
            assert receive(connection)[0] == {"code": None}
    assert server.poll() is None


def test_only_variables_of_ldmreg_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDMREG_OLD", "1")
    path = os.environ["PATH"]
    before = variables()
    set_variables({"LDMREG_NEW": "2", "PATH": "/elsewhere"})
    try:
        assert variables() == {"LDMREG_NEW": "2"}
        assert os.environ["PATH"] == path
    finally:
        set_variables(before)


def test_one_server_at_a_time(server: subprocess.Popen[str], runtime: Path) -> None:
    code, _, err = run("serve", runtime=runtime)
    assert code == 2 and "one does" in err


def test_a_folder_of_others_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ldmreg").mkdir()
    (tmp_path / "ldmreg").chmod(0o770)
    code, _, err = run("serve", runtime=tmp_path)
    assert code == 2 and "you alone can enter" in err
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert socket_path() is None


def test_it_ends_when_nobody_comes(tmp_path: Path) -> None:
    code, out, _ = run("serve", "--idle", "0.01", runtime=tmp_path)
    assert code == 0 and "0.01 minutes" in out
    assert not list(tmp_path.rglob("*.sock"))
