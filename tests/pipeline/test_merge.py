"""Two branches with results of their own are merged by the commands of docs/sharing.md."""

import re
from pathlib import Path

from tests.pipeline.project import Project

STAGES = """
stages:
  train:
    cmd: cat code.txt params.yaml > model.txt && mkdir -p reports && cp model.txt reports/table.txt
    deps: [code.txt]
    params: [lr, epochs]
    outs: [model.txt, reports/table.txt: {cache: false}]
"""
PARAMS = "lr: 1\n" + "#\n" * 9 + "epochs: 1\n"


def test_the_commands_of_the_documentation_merge_two_branches(tmp_path):
    project = Project(tmp_path)
    project.run("git", "init", "-q", "-b", "main")
    project.sign()
    project.dvc("init", "-q")
    for name, content in (("dvc.yaml", STAGES), ("code.txt", "code 1\n"), ("params.yaml", PARAMS)):
        (tmp_path / name).write_text(content)

    def change(file, old, new):
        path = tmp_path / file
        path.write_text(path.read_text().replace(old, new))
        project.dvc("repro", "-q")
        project.commit(new)

    change("code.txt", "1", "one")
    project.run("git", "checkout", "-qb", "their-branch")
    change("params.yaml", "epochs: 1", "epochs: 2")
    project.run("git", "checkout", "-q", "main")
    change("params.yaml", "lr: 1", "lr: 3")

    text = Path("docs/sharing.md").read_text().partition("## Merge a branch")[2]
    commands = re.search("```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()
    merge, *others = [line.partition("#")[0].split() for line in commands]
    assert project.run(*merge, check=False).returncode == 1
    assert "possible merge conflicts" in project.dvc("repro", check=False).stderr
    assert "is unmerged" in project.run("git", "checkout", "dvc.lock", check=False).stderr
    for command in others:
        project.run(*command)
    expected = "code one\n" + PARAMS.replace("lr: 1", "lr: 3").replace("epochs: 1", "epochs: 2")
    assert (tmp_path / "model.txt").read_text() == (tmp_path / "reports/table.txt").read_text() == expected
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert "up to date" in project.dvc("status").stdout
    assert len(project.run("git", "log", "-1", "--format=%P").stdout.split()) == 2
