"""Gather all results into one page and a short summary: ``python -m pipeline.stages.report``."""

from pipeline import params, paths
from pipeline.reporting.comparison import differences
from pipeline.reporting.page import render
from pipeline.reporting.results import read_results
from pipeline.reporting.summary import render_summary
from pipeline.stages import command


def main():
    settings = params.load()
    results = read_results()
    names = [dataset.info.name for dataset in results]
    leaking = [name for name in names if settings.dataset(name).split.method == "random"]
    compared = {dataset.info.name: differences(dataset, settings.seed) for dataset in results}
    page = render(results, compared, paths.PARAMS.read_text(encoding="utf-8"), leaking)
    summary = render_summary(results, compared, leaking)
    paths.REPORT.parent.mkdir(parents=True, exist_ok=True)
    paths.REPORT.write_text(page, encoding="utf-8", newline="\n")  # not \r\n: the script's checksum is in the page
    paths.SUMMARY.write_text(summary, encoding="utf-8", newline="\n")
    print(f"{paths.REPORT}: {', '.join(names)}; the headline is in {paths.SUMMARY}")


if __name__ == "__main__":
    command.run(main)
