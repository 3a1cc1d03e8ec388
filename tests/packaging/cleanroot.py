"""A clean Debian with nothing but what the package depends on, in a folder: programs run in it by chroot.

The base is made once by mmdebstrap from this machine's own package sources, and kept as an archive in build/.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.namespaces import Namespace

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# The folder becomes the root, with /proc of the caller's namespaces; `strict`, as the unit's sandbox has it: nothing
# can be written but what the service is given.
_ENTER = """
set -e
root=$1 strict=$2; shift 2
if [ "$strict" ]; then
    mount --bind "$root" "$root"
    for place in run/linkbalancer var/lib/linkbalancer; do mount --bind "$root/$place" "$root/$place"; done
    mount -o remount,bind,ro "$root"
    mount -t tmpfs tmpfs "$root/tmp"
fi
mount -t proc proc "$root/proc"
exec chroot "$root" "$@"
"""


def build_package() -> Path:
    """Build the package, or take the one that is there already of the same sources; lintian has no complaint."""
    done = subprocess.run([ROOT / "scripts" / "deb", "lintian"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / done.stdout.splitlines()[-1]


def field(package: Path, name: str) -> str:
    """Return a field of a package."""
    return subprocess.run(["dpkg-deb", "-f", package, name], check=True, capture_output=True, text=True).stdout.strip()


def repacked(package: Path, folder: Path, version: str) -> Path:
    """Return the same package as another version, which its program knows too."""
    content = folder / "content"
    subprocess.run(["dpkg-deb", "--raw-extract", package, content], check=True)
    for path, pattern in (
        (content / "DEBIAN" / "control", r"(?m)(?<=^Version: ).*$"),
        (content / "usr/lib/linkbalancer/linkbalancer/__init__.py", r'(?<=__version__: Final = ").*?(?=")'),
    ):
        path.write_text(re.sub(pattern, version, path.read_text()))
    result = folder / f"linkbalancer_{version}.deb"
    subprocess.run(["dpkg-deb", "--build", "-Znone", content, result], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(content)
    return result


def base(package: Path) -> Path:
    """Return the archive of a clean Debian with what the package depends on."""
    wanted = sorted({choice.split("|")[0].split()[0].split(":")[0] for choice in field(package, "Depends").split(",")})
    digest = hashlib.sha256(json.dumps([wanted, _ENTER, sources()]).encode()).hexdigest()[:12]
    archive = BUILD / f"cleanroot-{digest}.tar"
    if not archive.exists():
        for old in BUILD.glob("cleanroot-*.tar"):
            old.unlink()
        new = archive.with_suffix(".new")
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=tar"]
        command += [f"--include={','.join(wanted)}", "--aptopt=Acquire::Languages none", *network_options()]
        command += ['--customize-hook=rm -rf "$1"/usr/share/doc/* "$1"/usr/share/locale/* "$1"/var/lib/apt/lists/*']
        done = subprocess.run(
            [*command, "bookworm", new, "-"], input="\n".join(sources()), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        new.rename(archive)
    return archive


def sources() -> list[str]:
    """Return Debian's own package sources as this machine's apt is configured to use them."""
    words = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)"]
    listing = subprocess.run([*words, "Created-By: Packages"], check=True, capture_output=True, text=True)
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    found = sorted({line.partition(" ")[2] for line in listing.stdout.splitlines() if line.startswith("Debian ")})
    assert found, "apt knows no sources of Debian: run `apt-get update` first"
    return [f"deb {signed}{entry}" for entry in found]


def network_options() -> list[str]:
    """Return what apt is told here of proxies and the like."""
    dump = subprocess.run(["apt-config", "dump", "Acquire"], check=True, capture_output=True, text=True).stdout
    settings = re.findall(r'^(Acquire::https?::[^ ]*) "(.*)";$', dump, re.MULTILINE)
    return [f"--aptopt={name} {json.dumps(value)}" for name, value in settings if value]


class CleanRoot:
    """A root with nothing installed in it yet."""

    def __init__(self, path: Path, package: Path) -> None:
        self.path = path
        path.mkdir()
        subprocess.run(["tar", "-C", path, "-xf", base(package)], check=True)
        (path / "etc/dpkg/dpkg.cfg.d/test").write_text("force-unsafe-io\n")  # it lives for a minute

    def command(self, *words: str, namespace: Namespace | None = None, strict: bool = False) -> list[str]:
        """Return the command line that runs words in it, in a network namespace where one is given."""
        world = ["unshare", "--mount"] if namespace is None else ["ip", "netns", "exec", namespace.name]
        return [*world, "sh", "-c", _ENTER, "sh", str(self.path), "yes" if strict else "", *words]

    def run(self, *words: str, namespace: Namespace | None = None) -> subprocess.CompletedProcess[str]:
        """Run words in it to their end."""
        return subprocess.run(
            self.command(*words, namespace=namespace),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def __call__(self, *words: str, namespace: Namespace | None = None) -> str:
        """Run words in it; return what they wrote. Words that fail fail the test."""
        done = self.run(*words, namespace=namespace)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def apt(self, deed: str, *words: str) -> str:
        """Install or remove as an administrator does; nothing is fetched."""
        return self("apt-get", "--yes", "--quiet", "--no-download", deed, *words)

    def install(self, package: Path, namespace: Namespace | None = None) -> str:
        """Install a package file."""
        copy = self.path / "root" / package.name
        shutil.copy(package, copy)
        try:
            return self("apt-get", "--yes", "--quiet", "install", f"/root/{package.name}", namespace=namespace)
        finally:
            copy.unlink()

    def files(self) -> set[str]:
        """Return the paths of everything in it."""
        found = set()
        for folder, folders, files in os.walk(self.path):
            found |= {os.path.relpath(Path(folder) / name, self.path) for name in (*folders, *files)}
        return found

    def mode(self, path: str) -> tuple[str, str, str]:
        """Return the permissions of a file, its owner and its group."""
        mode, owner, group = self("stat", "--format", "%a %U %G", path).split()
        return mode, owner, group
