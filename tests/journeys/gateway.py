"""A real `drawbar serve`: its own process, settings, store and port, and everything it writes to stderr."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import openai
import orjson
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "adapters"
PATIENCE = 45.0
"""Seconds for what happens within one on a quiet machine."""
POLL = 20
"""Milliseconds between two looks of the client library."""
ANONYMOUS = {
    "subject": "duty-manager",
    "roles": ["crew-office", "booking-office", "harbour-desk"],
}


@dataclass(frozen=True)
class Deployment:
    """Settings, a script and adapters in a folder, and the environment that they refer to."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def write(
        cls,
        folder: Path,
        *,
        adapters: Sequence[Path | str] = (),
        own: Mapping[str, str] | None = None,
        script: str = "turns: []\n",
        environ: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Deployment:
        """`own` are adapters by file name, written beside the settings."""
        for name in ("config", "adapters"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in (own or {}).items():
            (folder / "adapters" / name).write_text(text)
        whole: dict[str, Any] = {
            "adapters": ["../adapters", *map(str, adapters)],
            "store": "sqlite:///../var/drawbar.db",
            "listen": {"port": 0, "drain": "5s"},
            "model": {"provider": "scripted", "script": "script.yaml"},
            "anonymous": ANONYMOUS,
            **settings,
        }
        (folder / "config/drawbar.yaml").write_text(yaml.safe_dump(whole))
        (folder / "config/script.yaml").write_text(script)
        return cls(folder, environ or {})

    @property
    def adapters(self) -> Path:
        return self.folder / "adapters"

    def env(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if "DRAWBAR" not in name}
        return {**own, **self.environ}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "drawbar", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One verb of the command line, to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.env(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def key_for(self, subject: str, *roles: str) -> str:
        """Made by `drawbar keys`, as an operator does, also while the gateway runs."""
        flags = [flag for role in roles for flag in ("--role", role)]
        made = self.run("keys", "create", "--subject", subject, *flags)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    @contextmanager
    def serving(self) -> Iterator[Gateway]:
        """Ready when it says so; at the end it is asked to stop, if it still runs."""
        process = subprocess.Popen(
            self.command("serve", "--log-requests"),
            cwd=self.folder,
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        gateway = Gateway(self, process)
        try:
            gateway.url = gateway.said("listening")["url"]
            yield gateway
        finally:
            gateway.end()


class Gateway:
    """The process, and what it has said so far."""

    def __init__(self, deployment: Deployment, process: subprocess.Popen[bytes]) -> None:
        self.deployment = deployment
        self.process = process
        self.url = ""
        self.lines: list[dict[str, Any]] = []
        self.raw: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def said(self, message: str, *, since: int = 0) -> dict[str, Any]:
        """The first line of the log with this message, waited for."""

        def found() -> dict[str, Any] | None:
            lines = self.lines[since:]
            return next((line for line in lines if line["message"] == message), None)

        return self.when(found, what=f"the line {message!r}")

    def when(self, look: Callable[[], dict[str, Any] | None], *, what: str) -> dict[str, Any]:
        """What `look` finds; it is asked again after every new line of the log."""
        with self._news:
            seen = self._news.wait_for(lambda: look() or not self._reader.is_alive(), PATIENCE)
            line = look()
        assert line is not None, f"no {what} ({seen=}):\n" + "".join(self.raw)
        return line

    def client(self, key: str | None = None, **options: Any) -> openai.OpenAI:
        """The official client, as a chat front end would make it."""
        options.setdefault("max_retries", 0)
        options.setdefault("timeout", PATIENCE)
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=key or "not-needed", **options)

    def http(self, **headers: str) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, headers=headers, timeout=PATIENCE)

    def statuses(self, since: int = 0) -> list[int]:
        """Of the answers in the log."""
        return [line["status"] for line in self.lines[since:] if line["message"] == "request"]

    def kill(self) -> None:
        """As the kernel or a power cut would."""
        self.process.kill()
        self._gone()

    def terminate(self) -> int:
        """Ask for a clean end and wait for it; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def end(self) -> None:
        if self.process.poll() is None:
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self._gone()

    def assert_nothing_broke(self, since: int = 0) -> None:
        """No bug showed: no trace in the log, no status 500."""
        text = "".join(self.raw[since:])
        assert "Traceback" not in text, text
        assert 500 not in self.statuses(since), text

    def _gone(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for raw in stderr:
                text = raw.decode(errors="replace")
                with self._news:
                    self.raw.append(text)
                    self.lines.append(_line(text))
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()


def _line(text: str) -> dict[str, Any]:
    try:
        read: dict[str, Any] = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"message": text, "level": "not JSON"}
    return read


def peak_of(pid: int) -> int:
    """The largest resident set so far, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel told no VmHWM")
