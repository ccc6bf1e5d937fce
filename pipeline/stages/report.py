"""Gather all results into one page, a short summary and the tables of ``dvc plots``."""

from pipeline import params, paths
from pipeline.atomic import whole
from pipeline.reporting.read import read_results
from pipeline.reporting.transfers import table_of_transfers
from pipeline.stages import command
from pipeline.tasks import part


def main():
    settings = params.load()
    from pipeline.reporting.page import render  # takes a second to import: Matplotlib
    from pipeline.reporting.plots import write_plots
    from pipeline.reporting.summary import render_summary

    def tables_of(task):
        return part(task, "tables")

    datasets, without = read_results(settings, tables_of)
    transfers, unscored = table_of_transfers(settings.transfers, datasets, tables_of)
    without |= unscored
    page = render(datasets, without, paths.PARAMS.read_text(encoding="utf-8"), transfers)
    for path, text in ((paths.PAGE, page), (paths.SUMMARY, render_summary(datasets, without, transfers))):
        with whole(path) as file:
            file.write_text(text, encoding="utf-8", newline="\n")  # not \r\n: the script's checksum is in the page
    write_plots(datasets, paths.PLOTS)
    listed = ", ".join([*(dataset.name for dataset in datasets), *(f"{name} ({reason})" for name, reason in without.items())])
    print(f"{paths.PAGE}: {listed}; the headline is in {paths.SUMMARY}")


if __name__ == "__main__":
    command.run(main, __doc__)
