"""The GitHub workflow can be read, uses no service but GitHub's own, and may write one comment and nothing else."""

from pathlib import Path

import yaml

WORKFLOW = yaml.safe_load(Path(".github/workflows/ci.yml").read_text())
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_only_the_comment_may_be_written():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    allowed = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items() if "permissions" in job}
    assert allowed == {"pipeline": {"contents": "read", "pull-requests": "write"}}


def test_all_actions_are_of_github_and_pinned():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used and all(action.startswith("actions/") and "@v" in action for action in used)


def test_the_summary_and_the_pictures_are_posted_on_pull_requests_of_this_repository():
    (comment,) = [step for step in STEPS if "gh pr comment" in step.get("run", "")]
    assert "head.repo.full_name == github.repository" in comment["if"]
    before = "".join(step.get("run", "") for step in STEPS[: STEPS.index(comment)])
    assert "reports/summary.md" in before and "dvc plots diff" in before
    assert "artifact-url" in comment["run"]
