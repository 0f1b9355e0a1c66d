"""Sluice for tests: a gateway, a worker and a Redis of its own, as real processes on free ports.

Used as a context manager; `with Service(models) as service: service.predict("net", {...})`. The build must be there
(`npm run build`); a test that needs the service is skipped where node, the build or a redis-server is missing, and
says which. Processes are ended by their own ids, in every case.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
GATEWAY = REPOSITORY / "dist/apps/gateway/src/main.js"
WORKER = REPOSITORY / "dist/apps/worker/src/main.js"
START_SECONDS = 60


def what_is_missing() -> str | None:
    """Why no service can be started here; None where one can."""
    if shutil.which("node") is None:
        return "node is not on the PATH"
    if not (GATEWAY.is_file() and WORKER.is_file() and (REPOSITORY / "node_modules").is_dir()):
        return "Sluice is not built: run `npm ci && npm run build` in the repository"
    if _redis_server() is None:
        return "there is no redis-server or valkey-server on the PATH"
    return None


class Service:
    """`models` is a folder of packages. `url` is the gateway's; `predict` posts to it."""

    def __init__(self, models: Path) -> None:
        self.models = models
        self.url = ""
        self._processes: list[_Process] = []
        self._folder = tempfile.TemporaryDirectory(prefix="sluice-service-")

    def __enter__(self) -> "Service":
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def predict(self, model: str, body: Any, content_type: str = "application/json") -> dict[str, Any]:
        """The answer of `POST /predict/<model>`. `body` is bytes, or a value for JSON. Raises AssertionError with the
        service's problem where the answer is not 200."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/predict/{model}", data, {"Content-Type": content_type, "X-Request-Timeout": "60"}
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{model}: {error.code} {error.read().decode()}") from None

    def close(self) -> None:
        for process in reversed(self._processes):
            process.stop()
        self._processes.clear()
        self._folder.cleanup()

    @property
    def log(self) -> str:
        return "\n".join(process.log for process in self._processes)

    def _start(self) -> None:
        port = _free_port()
        redis = [_redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder.name]
        self._spawn(redis, {}).logged(r"[Rr]eady to accept connections")
        settings = {
            "REDIS_URL": f"redis://127.0.0.1:{port}",
            "SLUICE_MODELS": str(self.models),
            "SLUICE_EXECUTORS": "1",
            "SLUICE_WORKER_PORT": "0",
            "SLUICE_LAME_DUCK_MS": "0",
            "PORT": "0",
            "NODE_ENV": "test",
        }
        self._spawn(["node", str(WORKER)], settings)
        gateway = self._spawn(["node", str(GATEWAY)], settings)
        self.url = gateway.logged(r'"url":"([^"]+)"')[1]
        for folder in sorted(path for path in self.models.iterdir() if path.is_dir() and path.name[0] != "."):
            self._wait_for(folder.name)

    def _spawn(self, command: list[str], settings: dict[str, str]) -> "_Process":
        process = _Process(command, settings)
        self._processes.append(process)
        return process

    def _wait_for(self, model: str) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(f"{self.url}/v1/models/{model}/ready", timeout=10).close()
                return
            if time.monotonic() > end or "model refused" in self.log:
                raise AssertionError(f"{model} did not become ready:\n{self.log[-4000:]}")
            time.sleep(0.05)


class _Process:
    """A child process whose output is kept."""

    def __init__(self, command: list[str], settings: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def logged(self, pattern: str) -> re.Match[str]:
        """Waits for a match in what the process writes. Raises AssertionError where it ends or takes too long."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or re.search(pattern, self.log), START_SECONDS)
        found = re.search(pattern, self.log)
        if found is None:
            raise AssertionError(f"{pattern} was not logged:\n{self.log[-4000:]}")
        return found

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _redis_server() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]
