"""Go back to the last commit after an experiment: ``python -m pipeline.undo``.

Restores ``params.yaml``, ``dvc.lock`` and the tables in ``reports/``, brings back the data and models that belong to them, and
removes those that only the experiment made. Nothing else is touched. ``git stash`` and DVC's cache keep what was there before.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from pipeline import paths
from pipeline.errors import UserError, listed, plain_errors
from pipeline.reporting.freshness import read_yaml

FILES = (paths.PARAMS, paths.LOCK, paths.PAGE.parent)  # what an experiment changes
SHOWN = 8  # lines of a list, at most
EXECUTION = "refs/exps/exec/"  # where DVC notes the experiment that runs in this folder; a killed one leaves its notes


def undo():
    """Restore the last commit, and say what was changed.

    Raises
    ------
    UserError
        If an experiment is still running in this folder, or git refuses.
    """
    _refuse_while_running()
    _reattach()
    made = _outputs()
    _set_aside([path.as_posix() for path in FILES if _git("ls-files", "--", path.as_posix())])
    _take_away(made, _outputs())
    _bring_back()


def _refuse_while_running():
    """Raise if DVC runs a stage here; otherwise remove the locks of a run that was killed, each of which DVC would report."""
    for file in filter(Path.exists, paths.RUNNING):
        try:
            locks = json.loads(file.read_text(encoding="utf-8"))
            holders = [holder for readers in locks.get("read", {}).values() for holder in readers]
            holders += locks.get("write", {}).values()
        except ValueError:  # killed while it was written
            holders = []
        for holder in holders:
            if psutil.pid_exists(holder["pid"]):
                running = f"`{holder['cmd']}` (process {holder['pid']}) is running in this folder"
                raise UserError(f"{running}; let it end, or stop it, and try again")
        file.unlink()


def _reattach():
    """Return to the branch that a killed experiment left: DVC works on a detached HEAD.

    On a branch, its notes may be those of an experiment that runs in another worktree of the clone.
    """
    notes = [f"{EXECUTION}{name}" for name in ("EXEC_BASELINE", "EXEC_MERGE", "EXEC_BRANCH")]
    left = [note for note in notes if _git("for-each-ref", note)]
    if not left or _git("rev-parse", "--abbrev-ref", "HEAD") != "HEAD":
        return
    branches = _git("for-each-ref", "--points-at=HEAD", "--format=%(refname)", "refs/heads/").splitlines()
    if len(branches) == 1:
        _git("symbolic-ref", "HEAD", *branches)
    else:
        print("no branch is checked out; go to yours with `git switch BRANCH`")
    for note in left:
        _git("update-ref", "--no-deref", "-d", note)


def _set_aside(files):
    """Stash all changes, and new files beside the tracked ones, and say which lines of ``params.yaml`` they concern."""
    _make_git_look(files)
    changed = _git("diff", "HEAD", "--name-only", "--", *files).splitlines()
    changed += _git("ls-files", "--others", "--exclude-standard", "--", *files).splitlines()  # results of new networks
    if not changed:
        print(f"{listed(files, SHOWN)}: unchanged since the last commit")
        return
    diff = _git("diff", "HEAD", "--unified=0", "--no-color", "--no-ext-diff", "--", paths.PARAMS.as_posix()).splitlines()
    lines = [line for line in diff if line.startswith(("-", "+")) and not line.startswith(("---", "+++"))]
    _git("stash", "push", "--quiet", "--include-untracked", "--message", "before python -m pipeline.undo", "--", *files)
    print(f"restored to the last commit: {listed(changed, SHOWN)}")
    shown = lines[:SHOWN] + [f"... and {len(lines) - SHOWN} more"] * (len(lines) > SHOWN) or ["no change of params.yaml"]
    print("set aside; `git stash pop && dvc checkout` brings it back:", *shown, sep="\n  ")


def _make_git_look(files):
    """Make git compare contents.

    It calls a file unchanged whose size and whose second of writing are those that it noted. DVC rewrites ``params.yaml`` to the
    same length within that second.
    """
    changed = set(_git("diff", "--name-only", "--", *files).splitlines())
    for name in set(_git("ls-files", "--", *files).splitlines()) - changed:
        written = os.stat(name).st_mtime
        os.utime(name, (written, written - 1))


def _take_away(made, kept):
    """Remove what only the experiment made, if DVC's cache holds it: `evaluate` depends on all files beside its models."""
    new = {path: md5 for path, md5 in made.items() if path not in kept and Path(path).exists()}
    cache = Path(_call(sys.executable, "-m", "dvc", "cache", "dir"), "files/md5") if new else None
    removed = [Path(path) for path, md5 in new.items() if (cache / md5[:2] / md5[2:]).is_file()]
    for path in removed:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if removed:
        print(f"not in the last commit, now only in DVC's cache: {listed([path.as_posix() for path in removed], SHOWN)}")


def _bring_back():
    """Check out what DVC's cache holds; leave the rest as it is, and say so."""
    status = json.loads(_call(sys.executable, "-m", "dvc", "data", "status", "--json"))
    changes, made = status.get("uncommitted", {}), _outputs()
    lacking = {name for name in status.get("not_in_cache", ()) if _within(name, made)}
    modified, deleted = ([name for name in changes.get(kind, ()) if _within(name, made)] for kind in ("modified", "deleted"))
    targets = [name for name in (*modified, *deleted) if name not in lacking]
    if targets:
        _call(sys.executable, "-m", "dvc", "checkout", "--quiet", "--force", *(name.rstrip("/") for name in targets))
        print(f"back from DVC's cache: {listed(targets, SHOWN)}")
    for names, what in ((modified, "kept as the experiment made it"), (deleted, "missing")):
        names = [name for name in names if name in lacking]
        if names:
            print(f"warning: {listed(names, SHOWN)}: {what}, because DVC's cache here lacks the version of the last commit")
    if lacking:
        print("`dvc pull` fetches what was pushed; `dvc repro` makes the rest")


def _outputs():
    """What the stages have made: checksums by path. DVC also tracks what users add: their own images are never touched."""
    stages = read_yaml(paths.LOCK).get("stages") or {}  # a kill can leave anything empty that stands last
    outs = [out or {} for stage in stages.values() for out in (stage or {}).get("outs") or ()]
    return {out["path"]: out["md5"] for out in outs if out.get("path") and out.get("md5")}


def _within(name, folders):
    return any(Path(name).is_relative_to(folder) for folder in folders)


def _git(*arguments):
    return _call("git", "-c", "core.quotePath=false", *arguments)


def _call(*command):
    """Run a program and return what it prints."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        reason = result.stderr.strip() or result.stdout.strip()  # git stash says there that a file needs a merge
        raise UserError(f"{Path(command[0]).name} {' '.join(command[1:5])} ...: {reason}")
    return result.stdout.strip()


def main():
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.undo",
        description="Go back to the last commit after an experiment: params.yaml, dvc.lock, reports/, and the data and models "
        "that belong to them. Other files stay as they are. `git stash pop && dvc checkout` brings the experiment back.",
    )
    parser.parse_args()
    with plain_errors():
        undo()


if __name__ == "__main__":
    main()
