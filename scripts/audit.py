"""Ask the database of known holes about every pinned version, and say what was not asked.

Asked are the versions that contributors and ``./dashget`` install, and the lowest allowed ones.
Run by ``nox -s audit``, in whose environment pip-audit is. pip-audit says "no known
vulnerabilities" also if it found no package in the database, as behind a mirror of the index;
and it ends with a traceback if it reaches none. Here both are said in one sentence.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LISTS = (Path("requirements", "dev.txt"), Path("requirements", "lowest.txt"))
"""The versions of ``run.txt`` are those of ``dev.txt``."""


def verdict(report: str) -> tuple[int, str]:
    """Return an exit code and a sentence for pip-audit's report in JSON, empty if it has none.

    A known hole fails, and so does an audit of a part; one of nothing is said, and fails no run.
    """
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        packages = []
    asked = [package for package in packages if "skip_reason" not in package]
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}"
        for package in asked
        for hole in package["vulns"]
    ]
    if holes:
        return 1, "known holes: " + ", ".join(holes)
    if not asked:
        return 0, "nothing was audited: the database of known holes is out of reach"
    if len(asked) < len(packages):
        missing = ", ".join(p["name"] for p in packages if "skip_reason" in p)
        return 1, f"audited {len(asked)} of {len(packages)} packages; the database lacks {missing}"
    return 0, f"no known hole in {len(asked)} packages"


def audit(path: Path) -> int:
    """Audit one list of pinned versions, and print the verdict; return the exit code."""
    command = (sys.executable, "-m", "pip_audit", "--requirement", str(path), "--disable-pip")
    options = ("--require-hashes", "--progress-spinner", "off", "--format", "json")
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    code, sentence = verdict(done.stdout)
    if not done.stdout and done.stderr:
        print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
    print(f"audit of {path}: {sentence}", flush=True)
    return code


def main() -> int:
    """Audit each list; return the highest exit code."""
    return max([audit(path) for path in LISTS])


if __name__ == "__main__":
    sys.exit(main())
