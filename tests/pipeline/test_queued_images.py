"""Own images in `data/own/` reach a run in another folder once DVC tracks them, as docs/reproducible.md says."""

import re
import shlex
from pathlib import Path

from tests.pipeline import own_images


def commands():
    text = Path("docs/reproducible.md").read_text().partition("## Several runs at once")[2]
    lines = re.search("```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()
    return [shlex.split(part, comments=True) for line in lines for part in line.partition("#")[0].split("&&")]


def test_the_commands_of_the_documentation_let_a_temporary_run_see_own_images(project):
    own_images.write(project.root / "data/own/nuclei")
    params = project.root / "params.yaml"
    text = params.read_text()
    block = re.search(r"^  polyps:\n.*?(?=^  tissue:\n)", text, re.DOTALL | re.MULTILINE)[0]
    mine = (
        block.replace("polyps:", "nuclei:")
        .replace("source: phantom-polyps", "source: folder")
        .replace("own/polyps", "own/nuclei")
    )
    params.write_text(text.replace(block, block + mine))
    project.run("git", "add", "params.yaml")
    for command in commands():
        project.dvc(*command[1:]) if command[0] == "dvc" else project.run(*command)
    assert project.run("git", "ls-files", "data/own").stdout.count("nuclei") == 1  # the images stay out of git
    said = project.dvc("exp", "run", "--temp", "download@nuclei").stdout
    project.run("git", "reset", "-q", "--hard", "HEAD^")
    assert "data/raw/nuclei: 20 images from folder" in said
