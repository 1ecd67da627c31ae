"""Runs the program without its imports: one process imports everything once and forks for each run."""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CAN_FORK = sys.platform == "linux"
_ROOT = Path(__file__).parents[2]
_REQUEST_BYTES = 1 << 20
_REPLY_BYTES = 100


class Forks:
    """The process that forks, and the socket for its requests."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-W", "error", "-m", "tests.support.forks", str(theirs.fileno())]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                command, cwd=_ROOT, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
        self._pool = ThreadPoolExecutor(3)
        atexit.register(self.close)

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()

    def run(
        self, arguments: list[str], folder: Path, environment: dict[str, str], stdin: bytes, timeout_seconds: float
    ) -> tuple[int, bytes, bytes]:
        """Run `streamsig ...` in a folder; return its exit code, standard output and standard error."""
        (their_in, our_in), (our_out, their_out), (our_err, their_err) = (os.pipe() for _ in range(3))
        request = json.dumps([str(folder), arguments, environment]).encode()
        socket.send_fds(self._socket, [request], [their_in, their_out, their_err])
        for descriptor in (their_in, their_out, their_err):
            os.close(descriptor)
        writing = self._pool.submit(_write, our_in, stdin)
        reading = [self._pool.submit(_read, descriptor) for descriptor in (our_out, our_err)]
        self._socket.settimeout(timeout_seconds)
        process_id = int(self._socket.recv(_REPLY_BYTES))
        try:
            code = int(self._socket.recv(_REPLY_BYTES))
        except TimeoutError:
            os.kill(process_id, signal.SIGKILL)
            raise
        writing.result()
        out, err = (it.result() for it in reading)
        return code, out, err


@functools.cache
def forks() -> Forks:
    """Return the process that forks, the same for all tests of a worker."""
    return Forks()


def _write(descriptor: int, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(descriptor, "wb") as pipe:
        pipe.write(content)


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as pipe:
        return pipe.read()


def _import_everything() -> None:
    import streamsig  # noqa: PLC0415 (only in the process that forks)

    for module in pkgutil.walk_packages(streamsig.__path__, "streamsig."):
        # the modules of `native` are libraries without Python code
        if not module.name.startswith(("streamsig.__main__", "streamsig.native.")):
            importlib.import_module(module.name)
    # a fork copies each page that is written to, and a garbage collection writes to every object
    gc.freeze()


def _serve(connection: socket.socket) -> None:
    """Fork for each request; send back the process id and the exit code."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(connection, _REQUEST_BYTES, 3)
        if not request:
            return
        process_id = os.fork()
        if not process_id:
            connection.close()
            _run(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.send(b"%d" % process_id)
        _, status = os.waitpid(process_id, 0)
        connection.send(b"%d" % os.waitstatus_to_exitcode(status))


def _run(request: bytes, descriptors: list[int]) -> None:
    """Run the program and exit with its code."""
    from streamsig.__main__ import main  # noqa: PLC0415 (only in the process that forks)

    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    folder, arguments, environment = json.loads(request)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["streamsig", *arguments]
    code = 1
    try:
        code = main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 (as Python does)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    # the warning is about a thread of a memory allocator
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    _import_everything()
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        _serve(ours)
