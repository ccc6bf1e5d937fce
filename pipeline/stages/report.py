"""Gather all results into one page and a short summary: ``python -m pipeline.stages.report``."""

from pipeline import params, paths
from pipeline.errors import plain_errors
from pipeline.reporting.page import render, render_summary
from pipeline.reporting.results import read_results


def main():
    settings = params.load()
    results = read_results()
    names = [dataset.info.name for dataset in results]
    leaking = [name for name in names if settings.dataset(name).split.method == "random"]
    page = render(results, paths.PARAMS.read_text(encoding="utf-8"), leaking)
    paths.REPORT.parent.mkdir(parents=True, exist_ok=True)
    paths.REPORT.write_text(page, encoding="utf-8")
    paths.SUMMARY.write_text(render_summary(results, leaking), encoding="utf-8")
    print(f"{paths.REPORT}: {', '.join(names)}; the headline is in {paths.SUMMARY}")


if __name__ == "__main__":
    with plain_errors():
        main()
