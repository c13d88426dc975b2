"""Builds the images of ``deploy/docker`` and starts the services of the Compose file, without a container engine.

Usage: ``python -m scripts.clean_root /var/tmp/roots`` as root on Debian with debootstrap, iproute2 and PostgreSQL

Each image is a layer over a Debian made by debootstrap. What its Dockerfile copies and runs is copied and run there.
Then the services start with the commands, settings, volumes and health checks of the Compose file: as another user
without capabilities, on a read-only root, in a network of their own where each name is this machine. The smoke test of
the containers reads a page. Caddy, monitoring, and limits of memory and processors are left out.

A folder that has the images is not built again; remove it to build anew.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import psutil
import typer
from rich.console import Console
from rich.table import Table

from tests.deploy.dockerfiles import Dockerfile, read_dockerfile
from tests.server.postgresql import postgresql_server

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
SUITE = "bookworm"
"""That of the images ``python:3.11-slim-bookworm``."""
PACKAGES = "python3,python3-venv,ca-certificates"
SERVICES = {
    "mlflow": "mlflow",
    "prediction": "prediction",
    "ingestion": "pipeline",
    "training": "pipeline",
    "gateway": "gateway",
    "test": "gateway",
}
"""Services in the order of their start, with their images; the last one ends by itself."""
SECRETS = ("INKREAD_SECRET", "INKREAD_POSTGRES_PASSWORD", "INKREAD_MLFLOW_PASSWORD", "INKREAD_GRAFANA_PASSWORD")
POSTGRES_PORT = 5432
DEVICES = ("null", "zero", "random", "urandom")
READY_SECONDS = 300.0
STOP_SECONDS = 40.0
STEP = "INKREAD_CLEAN_ROOT"
"""What this program does once it is in namespaces of its own, where what it mounts ends with it."""
CONFINED = "--clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"


def dockerfile(image: str) -> Dockerfile:
    """The Dockerfile of an image."""
    return read_dockerfile(DEPLOY / "docker" / f"{image}.Dockerfile")


def mount(*arguments: str | Path) -> None:
    """Mount something, in this program's namespace only."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


def mounted(layer: Path, *below: Path) -> Path:
    """A root whose changes are in ``layer``, over other layers, the uppermost first."""
    root = layer / "root"
    for folder in (layer / "changes", layer / "work", root):
        folder.mkdir(parents=True, exist_ok=True)
    lower = ":".join(map(str, below))
    options = f"lowerdir={lower},upperdir={layer / 'changes'},workdir={layer / 'work'}"
    mount("-t", "overlay", "-o", options, "overlay", root)
    for device in DEVICES:
        bind(Path("/dev") / device, root, f"/dev/{device}")
    mount("-t", "proc", "proc", root / "proc")
    return root


def bind(source: Path, root: Path, target: str, *, read_only: bool = False) -> None:
    """Show a file or folder of this machine in a root."""
    place = root / target.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        place.mkdir(exist_ok=True)
    elif not place.exists():
        place.touch()
    mount("--bind", source.resolve(), place)
    if read_only:
        mount("-o", "remount,bind,ro", place)


def build_all(folder: Path, arguments: dict[str, str], binds: Sequence[Path]) -> None:
    """The base and the images that are not there yet."""
    base = folder / "base"
    python = base / "usr" / "local" / "bin" / "python"
    if not python.is_symlink():
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(base)], check=True)
        python.symlink_to("/usr/bin/python3")
    for image in dict.fromkeys(SERVICES.values()):
        built = folder / image / "built"
        if not built.exists():
            begun = time.monotonic()
            build(image, mounted(folder / image, base), arguments, binds)
            built.touch()
            Console().print(f"{image}: built in {time.monotonic() - begun:.0f} s")


def build(image: str, root: Path, arguments: dict[str, str], binds: Sequence[Path]) -> None:
    """Copy and run what a Dockerfile says. Its stages have the same base, so they are one folder here."""
    for source in (Path("/etc/resolv.conf"), *binds):
        bind(source, root, str(source), read_only=True)
    known: dict[str, str] = {}
    place = "/"
    for instruction, rest in dockerfile(image).instructions:
        if instruction == "FROM":
            known, place = {}, "/"
        elif instruction == "ENV":
            known |= variables(rest)
        elif instruction == "ARG":
            name, _, default = rest.partition("=")
            known[name] = arguments.get(name, default)
        elif instruction == "WORKDIR":
            place = rest
            (root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif instruction == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            copy([ROOT / source for source in sources], root / f"{PurePosixPath(place) / target}".lstrip("/"))
        elif instruction == "RUN":
            passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
            settings = [f"{name}={value}" for name, value in (passed | known).items()]
            command = re.sub(r"--mount=\S+\s*", "", rest)
            subprocess.run(["chroot", root, "env", "-i", "-C", place, *settings, "sh", "-ec", command], check=True)
    shutil.rmtree(root / "build")  # of the first stage


def variables(text: str) -> dict[str, str]:
    """The variables of an ENV instruction."""
    pairs = (word.split("=", 1) for word in shlex.split(text))
    return {name: value.replace("$PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin") for name, value in pairs}


def copy(sources: Sequence[Path], target: Path) -> None:
    """As COPY does: the content of a folder, or a file to a name or into a folder."""
    for source in sources:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place = target / source.name if len(sources) > 1 else target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)


def compose() -> dict[str, Any]:
    """The services as Compose understands them, with new secrets."""
    program = shutil.which("docker-compose", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    command = [program or "docker-compose", "-f", str(DEPLOY / "docker-compose.yml"), "--profile", "*"]
    environment = {"PATH": os.environ["PATH"], "COMPOSE_DISABLE_ENV_FILE": "1"}
    environment |= {name: secrets.token_urlsafe(48) for name in SECRETS}
    asked = [*command, "config", "--format", "json"]
    said = subprocess.run(asked, env=environment, check=True, stdout=subprocess.PIPE).stdout
    return dict(json.loads(said)["services"])


class Container:
    """A service of the Compose file in a root of its own.

    Args:
        name: of the service.
        service: what Compose says of it.
        folder: of the images.
    """

    def __init__(self, name: str, service: dict[str, Any], folder: Path) -> None:
        image = SERVICES[name]
        said = dockerfile(image)
        self.name = name
        self.health = list(service.get("healthcheck", {}).get("test", []))[1:]
        self._user = said.all("USER")[-1].partition(":")[0]
        self._place = said.all("WORKDIR")[-1]
        self._environment = variables(said.all("ENV")[-1]) | dict(service["environment"])
        start = [json.loads(said.all(key)[-1]) for key in ("ENTRYPOINT", "CMD")]
        entrypoint, command = (service.get(key) for key in ("entrypoint", "command"))
        self.command = [*(start[0] if entrypoint is None else entrypoint), *(start[1] if command is None else command)]
        self._root = mounted(folder / "services" / name, folder / image / "changes", folder / "base")
        (self._root / "etc" / "hosts").write_text(f"127.0.0.1 localhost postgres {' '.join(SERVICES)}\n")
        for volume in service.get("volumes", []):
            self._mount(volume, folder / "volumes")
        for place in (*service["tmpfs"], "/dev/shm:size=1g"):
            path, _, options = place.partition(":")
            (self._root / path.lstrip("/")).mkdir(exist_ok=True)
            mount("-t", "tmpfs", "-o", f"mode=1777,{options}", "tmpfs", self._root / path.lstrip("/"))
        mount("-o", "remount,ro", self._root)

    def _mount(self, volume: dict[str, Any], volumes: Path) -> None:
        named = volume["type"] == "volume"
        source = volumes / volume["source"] if named else Path(volume["source"])
        source.mkdir(parents=True, exist_ok=True) if not source.exists() else None
        if named:
            os.chown(source, int(self._user), int(self._user))
        bind(source, self._root, volume["target"], read_only=volume.get("read_only", False))

    def popen(self, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start a command as the container would."""
        settings = [f"{key}={'' if value is None else value}" for key, value in self._environment.items()]
        confined = ["setpriv", "--reuid", self._user, "--regid", self._user, *CONFINED.split()]
        inside = [*confined, "env", "-i", "-C", self._place, *settings, *command]
        with log.open("ab") as output:
            return subprocess.Popen(["chroot", self._root, *inside], stdout=output, stderr=output)

    def can(self, command: Sequence[str], log: Path) -> bool:
        """Whether a command ends well."""
        return self.popen(command, log).wait() == 0

    @contextmanager
    def running(self, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The service; asked to stop at the end of the block."""
        process = self.popen(self.command, log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def wait_until(condition: partial[bool], process: subprocess.Popen[bytes]) -> bool:
    """Whether it came true before the process ended or the time was over."""
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(1)
    return False


def start_all(folder: Path) -> bool:
    """Start the services, read a page, stop them; whether all went well."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name in ("services", "volumes", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "logs").mkdir()
    services = compose()
    table = Table("service", "command", "healthy after", "MiB", "may write outside its volume", "stopped with")
    rows: dict[str, list[str]] = {}
    passed = True
    with ExitStack() as entered:
        entered.enter_context(postgresql_server(POSTGRES_PORT, databases=("users", "jobs", "mlflow")))
        processes = {}
        *names, test = SERVICES
        for name in names:
            container, log = Container(name, services[name], folder), folder / "logs" / f"{name}.log"
            begun = time.monotonic()
            process = processes[name] = entered.enter_context(container.running(log))
            checks = folder / "logs" / f"{name}.health.log"
            healthy = wait_until(partial(container.can, container.health, checks), process)
            writes = container.can(["touch", "/etc/x"], checks) or container.can(["touch", "/opt/x"], checks)
            passed &= healthy and not writes
            spent = f"{time.monotonic() - begun:.0f} s" if healthy else "never"
            rows[name] = [name, shlex.join(container.command), spent, "", "yes" if writes else "no"]
        tried = Container(test, services[test], folder)
        smoke = folder / "logs" / "test.log"
        read = tried.can(tried.command, smoke)
        passed &= read
        for name, process in processes.items():
            if process.poll() is None:
                family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                rows[name][3] = f"{sum(member.memory_full_info().pss for member in family) / 2**20:.0f}"
    for name, process in processes.items():
        passed &= process.returncode == 0
        table.add_row(*rows[name], str(process.returncode))
    console = Console(width=150)
    console.print(table)
    console.print(smoke.read_text(encoding="utf-8").strip(), markup=False)
    console.print(f"the page was {'read' if read else 'not read'}; logs are in {folder / 'logs'}")
    return passed


def main(
    folder: Annotated[Path, typer.Argument(help="Where images, volumes and logs are kept: 5 GB, not below /tmp")],
    build_arg: Annotated[list[str] | None, typer.Option(help="As docker build has it: TORCH_INDEX=https://…")] = None,
    share: Annotated[list[Path] | None, typer.Option(help="A folder that pip in the images may read")] = None,
) -> None:
    """Build, start, read a page."""
    folder = folder.resolve()
    step = os.environ.get(STEP)
    if step == "build":
        build_all(folder, dict(pair.split("=", 1) for pair in build_arg or []), share or [])
    elif step == "start":
        raise typer.Exit(not start_all(folder))
    else:
        for name, namespaces in (("build", ["--mount"]), ("start", ["--mount", "--net"])):
            again = ["unshare", *namespaces, sys.executable, "-m", "scripts.clean_root", *sys.argv[1:]]
            done = subprocess.run(again, env=os.environ | {STEP: name}, cwd=ROOT, check=False)
            if done.returncode:
                raise typer.Exit(done.returncode)


if __name__ == "__main__":
    typer.run(main)
