"""Carry out the Dockerfile without a container engine, start what comes of it as the image would, and look.

    python tools/replay_image.py                 everything, packages installed from the lock files
    python tools/replay_image.py --borrow        with the packages of this environment: quick, offline

A stage becomes a folder entered with chroot. For the base image stand the system folders of this machine
(or of `--base`, such as a debootstrap folder), read-only, and a copy of one Python in /usr/local. The last
stage is then started the way the Dockerfile's own comment says: nothing writable but its volume and /tmp,
the uid of USER, adapters and settings mounted read-only, a key for who asks. Its HEALTHCHECK has to pass and
SIGTERM has to end it with 0. All happens in a mount namespace of its own, which takes root; exit code 77 says that
this machine does not allow it.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
CANNOT = 77
SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr")
FROM_BASE = (
    "alternatives",
    "passwd",
    "group",
    "nsswitch.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "os-release",
)
FROM_HERE = ("resolv.conf", "hosts", "ssl", "pip.conf")  # as an engine carries them in
CARRIED = re.compile(
    r"(?i)PIP_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(https?|no|all)_proxy"
)
START_LIMIT = 60.0  # seconds until the health check has to pass, on a slow machine
STOP_LIMIT = 40.0


class ReplayError(Exception):
    """A step went wrong; the text says which and how."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# -- reading ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stage:
    """What one FROM begins."""

    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Instruction in capitals and the rest of its logical line."""

    def last(self, word: str) -> str:
        return next((rest for name, rest in reversed(self.steps) if name == word), "")


def read_dockerfile(text: str) -> list[Stage]:
    """Stages in their order. Here-documents and ARG are not known, and not used."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for logical in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if not logical.strip():
            continue
        word, _, rest = logical.strip().partition(" ")
        if word.upper() == "FROM":
            named = re.search(r"(?i)\sAS\s+(\S+)$", rest)
            stages.append(Stage(named.group(1) if named else str(len(stages))))
        else:
            stages[-1].steps.append((word.upper(), rest.strip()))
    return stages


def environment(stage: Stage) -> dict[str, str]:
    """ENV of a stage over the base image's PATH; `$NAME` is what was set before."""
    values = {
        "PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
        "HOME": "/root",
    }
    for word, rest in stage.steps:
        if word == "ENV":
            for pair in shlex.split(rest):
                name, _, value = pair.partition("=")
                values[name] = re.sub(r"\$\{?(\w+)\}?", lambda m: values.get(m[1], ""), value)
    return values


def exec_form(rest: str) -> list[str]:
    """The JSON list that CMD, ENTRYPOINT and HEALTHCHECK are written with here."""
    words: list[str] = json.loads(rest[rest.index("[") :])
    return words


def ignored(path: str, rules: list[str]) -> bool:
    """Whether `.dockerignore` keeps a path out: the last rule that fits it or a folder of it wins."""
    parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    out = False
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        names = (
            [Path(p).name for p in parents] if rule.removeprefix("!").startswith("**/") else parents
        )
        if any(fnmatch.fnmatchcase(name, pattern) for name in names):
            out = not rule.startswith("!")
    return out


# -- building -----------------------------------------------------------------------------------------


def mount(*words: str | Path) -> None:
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"mount {' '.join(map(str, words))}: {done.stderr.strip()}")
        raise SystemExit(CANNOT)


def bind(source: Path, target: Path, *, writable: bool = False) -> None:
    target.mkdir(parents=True, exist_ok=True)
    mount("--bind", source, target)
    if not writable:
        mount("-o", "remount,bind,ro", target)


@dataclass(frozen=True, slots=True)
class Options:
    base: Path
    """Where the system folders of the base image are taken from."""
    python: Path
    """The prefix of the Python that stands for the base image's."""
    borrow: bool
    """Take the packages of the running environment instead of installing them."""


@dataclass(frozen=True, slots=True)
class Root:
    """The file system of one stage."""

    path: Path
    env: dict[str, str]

    def at(self, inside: str) -> Path:
        return self.path / inside.lstrip("/")

    def command(self, words: list[str], *, cwd: str = "/", user: str = "0:0") -> list[str]:
        pairs = [f"{name}={value}" for name, value in self.env.items()]
        enter = ["chroot", f"--userspec={user}", "--groups=", str(self.path)]
        return [*enter, "env", "-i", "-C", cwd, *pairs, *words]

    def run(self, words: list[str], *, cwd: str = "/", user: str = "0:0") -> str:
        """What it printed; ReplayError with that if it failed."""
        done = subprocess.run(
            self.command(words, cwd=cwd, user=user),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            tail = "\n".join(done.stdout.splitlines()[-30:])
            raise ReplayError(f"{shlex.join(words)[:300]}\nended with {done.returncode}:\n{tail}")
        return done.stdout


def make_root(path: Path, stage: Stage, options: Options) -> Root:
    """A root as the base image leaves it: system, one Python, no packages beside pip."""
    path.mkdir(parents=True)
    mount("--bind", path, path)
    for name in SYSTEM:
        source = options.base / name
        if source.is_symlink():
            (path / name).symlink_to(source.readlink())
        elif source.is_dir():
            bind(source, path / name)
    for name in ("tmp", "root", "etc", "proc", "var", "opt"):
        (path / name).mkdir()
    (path / "tmp").chmod(0o1777)
    mount("-t", "proc", "proc", path / "proc")
    (path / "dev").mkdir()
    mount("--bind", "/dev", path / "dev")
    for names, origin, how in (
        (FROM_BASE, options.base / "etc", "-a"),
        (FROM_HERE, Path("/etc"), "-aL"),
    ):
        for name in names:
            if (origin / name).exists():
                subprocess.run(["cp", how, str(origin / name), str(path / "etc")], check=False)
    carried = {name: value for name, value in os.environ.items() if CARRIED.fullmatch(name)}
    root = Root(path, {**carried, **environment(stage)})
    put_python(root, options)
    return root


def put_python(root: Root, options: Options) -> None:
    """A Python with nothing but pip in /usr/local."""
    local = root.path.parent / f"{root.path.name}.local"
    (local / "lib").mkdir(parents=True)
    bind(local, root.at("/usr/local"), writable=True)
    if options.python == Path("/usr"):
        root.run(["/usr/bin/python3", "-m", "venv", "/usr/local"])
        return
    library = next((options.python / "lib").glob("python3.*"))
    skip = shutil.ignore_patterns(
        "test", "idlelib", "site-packages", "config-*", "EXTERNALLY-MANAGED"
    )
    shutil.copytree(library, local / "lib" / library.name, ignore=skip, symlinks=True)
    for shared in (options.python / "lib").glob("libpython3*.so*"):
        shutil.copy2(shared, local / "lib")
    (local / "bin").mkdir()
    shutil.copy2(options.python / "bin" / library.name, local / "bin")
    for name in ("python", "python3"):
        (local / "bin" / name).symlink_to(library.name)
    packages = local / "lib" / library.name / "site-packages"
    packages.mkdir()
    for part in (library / "site-packages").glob("pip*"):
        shutil.copytree(part, packages / part.name)
    root.run(["ldconfig"])  # or the system's libpython would be taken for its own


def borrow_packages(root: Root) -> None:
    """This environment's packages at /borrowed, without Drawbar and pip."""
    bind(Path(sysconfig.get_path("purelib")), root.at("/mnt/packages"))
    root.at("/borrowed").mkdir()
    for entry in root.at("/mnt/packages").iterdir():
        if not re.match(r"(?i)_?_?(editable|drawbar|pip\b|pip-|.*\.pth$)", entry.name):
            (root.at("/borrowed") / entry.name).symlink_to(f"/mnt/packages/{entry.name}")


_INSTALL = re.compile(r"(python -m pip (?:--python (\S+) )?install --require-hashes) [^&]*")
_WHERE = "import sysconfig; print(sysconfig.get_path('purelib') + '/borrowed.pth')"


def borrowing(command: str) -> str:
    """A RUN step with its installs from lock files replaced by a path to /borrowed."""
    if "--require-hashes" in command and not _INSTALL.search(command):
        raise ReplayError(f"an install that cannot be borrowed: {command}")
    return _INSTALL.sub(
        lambda m: f'echo /borrowed > "$({m[2] or "python"} -c "{_WHERE}")" ', command
    )


def copy(rest: str, cwd: str, root: Root, roots: dict[str, Root]) -> None:
    """COPY: from the repository, less what `.dockerignore` keeps out, or from an earlier stage."""
    words = shlex.split(rest)
    stage = next((word.partition("=")[2] for word in words if word.startswith("--from=")), None)
    *sources, target = [word for word in words if not word.startswith("--")]
    inside = target if target.startswith("/") else f"{cwd}/{target}"
    rules = (REPOSITORY / ".dockerignore").read_text().split()
    for source in sources:
        origin = roots[stage].at(source) if stage else REPOSITORY / source
        if not origin.exists() or (stage is None and ignored(source, rules)):
            raise ReplayError(f"COPY {source}: not there, or kept out by .dockerignore")
        if not origin.is_dir():
            root.at(inside).mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, root.at(inside) / origin.name)
            continue

        def keep_out(folder: str, names: list[str], stage: str | None = stage) -> set[str]:
            if stage is not None:
                return set()
            below = Path(folder).relative_to(REPOSITORY)
            return {name for name in names if ignored(str(below / name), rules)}

        shutil.copytree(origin, root.at(inside), ignore=keep_out, symlinks=True, dirs_exist_ok=True)


def build(stages: list[Stage], folder: Path, options: Options) -> Root:
    """All stages; the root of the last."""
    roots: dict[str, Root] = {}
    for stage in stages:
        say(f"== stage {stage.name}")
        root = roots[stage.name] = make_root(folder / stage.name, stage, options)
        if options.borrow:
            borrow_packages(root)
        cwd = "/"
        for word, rest in stage.steps:
            since = time.monotonic()
            if word == "WORKDIR":
                cwd = rest
                root.at(cwd).mkdir(parents=True, exist_ok=True)
            elif word == "COPY":
                copy(rest, cwd, root, roots)
            elif word == "RUN":
                command = borrowing(rest) if options.borrow else rest
                root.run(["/bin/sh", "-c", command], cwd=cwd)
            else:
                continue
            say(f"   {time.monotonic() - since:5.1f} s  {word} {' '.join(rest.split())[:90]}")
    return root


# -- running ------------------------------------------------------------------------------------------


def seal(root: Root, stage: Stage, folder: Path) -> Path:
    """Make the file system read-only but for the volume and /tmp; answers where the volume is."""
    (inside,) = exec_form(stage.last("VOLUME"))
    volume = folder / "volume"
    shutil.copytree(root.at(inside), volume)
    shutil.copystat(root.at(inside), volume)
    owner = root.at(inside).stat()
    os.chown(volume, owner.st_uid, owner.st_gid)
    mount("-o", "remount,bind,ro", root.at("/usr/local"))
    bind(volume, root.at(inside), writable=True)
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", root.at("/tmp"))
    bind(REPOSITORY / "adapters", root.at("/etc/drawbar/adapters"))
    bind(settings_for_others(folder), root.at("/etc/drawbar/config"))
    mount("-o", "remount,bind,ro", root.path)
    return volume


def settings_for_others(folder: Path) -> Path:
    """The example settings less `anonymous`, which is for a gateway that only this machine can reach."""
    settings = yaml.safe_load((REPOSITORY / "config" / "drawbar.yaml").read_text())
    settings.pop("anonymous", None)
    place = folder / "config"
    place.mkdir()
    (place / "drawbar.yaml").write_text(yaml.safe_dump(settings))
    return place


def check_contents(root: Root, stage: Stage, options: Options) -> None:
    """No package installer and, unless the packages are borrowed, no build tools."""
    absent = ["pip", "ensurepip"] if options.python != Path("/usr") else ["pip"]
    absent += [] if options.borrow else ["hatchling", "pathspec", "trove_classifiers", "pytest"]
    code = f"import importlib.util as u; print(*[n for n in {absent} if u.find_spec(n)])"
    for python in ("/opt/drawbar/bin/python", "/usr/local/bin/python"):
        found = root.run([python, "-c", code]).split()
        if found:
            raise ReplayError(f"the image still holds {', '.join(found)} for {python}")
    uid, _, gid = stage.last("USER").partition(":")
    if not (uid.isdigit() and gid.isdigit() and int(uid) > 0):
        raise ReplayError(f"USER {uid}:{gid} is not a number other than 0")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def serve(root: Root, stage: Stage, volume: Path) -> None:
    """Start, ask the health check, write something, end."""
    port = free_port()
    root.env.update(HOME="/nonexistent", DRAWBAR_LISTEN__PORT=str(port))
    user, cwd = stage.last("USER"), stage.last("WORKDIR")
    words = exec_form(stage.last("ENTRYPOINT")) + exec_form(stage.last("CMD"))
    health = exec_form(stage.last("HEALTHCHECK"))
    key = root.run(
        ["drawbar", "keys", "create", "--subject", "replay"], cwd=cwd, user=user
    ).split()[0]
    since = time.monotonic()
    with (
        tempfile.TemporaryFile("w+") as notes,
        subprocess.Popen(
            root.command(words, cwd=cwd, user=user), stdout=notes, stderr=notes
        ) as server,
    ):
        try:
            wait_until_healthy(server, root.command(health, cwd=cwd, user=user))
            say(f"   {time.monotonic() - since:5.1f} s  {shlex.join(words)}: healthy")
            request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/threads", b"{}")
            request.add_header("Content-Type", "application/json")
            request.add_header("Authorization", f"Bearer {key}")
            with urllib.request.urlopen(request, timeout=20) as reply:
                say(f"          a thread is kept: {json.load(reply)['id']}")
            since = time.monotonic()
            server.send_signal(signal.Signals[stage.last("STOPSIGNAL")])
            status = server.wait(STOP_LIMIT)
            say(
                f"   {time.monotonic() - since:5.1f} s  {stage.last('STOPSIGNAL')}: ended with {status}"
            )
        except (ReplayError, OSError, subprocess.TimeoutExpired) as error:
            server.kill()
            notes.seek(0)
            raise ReplayError(f"{error}\nWhat it said:\n{notes.read()[-4000:]}") from error
    if status:
        raise ReplayError(f"ended with {status} where 0 was due")
    written = sorted(str(path.relative_to(volume)) for path in volume.rglob("*"))
    say(f"          in its volume: {', '.join(written)}")


def wait_until_healthy(server: subprocess.Popen[bytes], health: list[str]) -> None:
    until = time.monotonic() + START_LIMIT
    while True:
        asked = subprocess.run(health, capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return
        if server.poll() is not None:
            raise ReplayError(f"it ended with {server.returncode} before it was healthy")
        if time.monotonic() > until:
            raise ReplayError(f"not healthy after {START_LIMIT:.0f} s: {asked.stderr[-500:]}")
        time.sleep(0.5)


# -- the command --------------------------------------------------------------------------------------


def inside(options: Options, folder: Path) -> int:
    """In a mount namespace of our own."""
    stages = read_dockerfile((REPOSITORY / "Dockerfile").read_text())
    try:
        root = build(stages, folder, options)
        say("== the image, read-only")
        check_contents(root, stages[-1], options)
        volume = seal(root, stages[-1], folder)
        serve(root, stages[-1], volume)
    except ReplayError as error:
        say(f"replay_image: {error}")
        return 1
    return 0


def outside(argv: list[str]) -> int:
    """Begin the namespace, and clear up once it is gone."""
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # chroot, ldconfig
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        say("replay_image: chroot and mounts take root and the command `unshare`")
        return CANNOT
    folder = Path(tempfile.mkdtemp(prefix="drawbar-image-"))
    namespace = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child"]
    try:
        if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
            say("replay_image: this machine gives no namespaces to mount in")
            return CANNOT
        words = [*namespace, sys.executable, __file__, "--inside", str(folder), *argv]
        return subprocess.run(words, check=False).returncode
    finally:
        if any(str(folder) in line for line in mounts()):
            say(f"replay_image: {folder} still holds mounts and is left as it is")
        else:
            shutil.rmtree(folder)


def mounts() -> Iterator[str]:
    yield from Path("/proc/self/mountinfo").read_text().splitlines()


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--base", type=Path, default=Path("/"), help="system folders; default: this machine's"
    )
    parser.add_argument(
        "--python", type=Path, default=Path(sys.base_prefix), help="a Python's prefix"
    )
    parser.add_argument("--borrow", action="store_true", help="install nothing from the lock files")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.inside is None:
        return outside(argv)
    return inside(Options(args.base, args.python, args.borrow), args.inside)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
