"""Score and compare all networks of one data set on its test images: ``python -m pipeline.stages.evaluate mitochondria``."""

from pipeline import params, paths, tasks
from pipeline.atomic import read_json
from pipeline.evaluation.evaluate import evaluate, evaluate_nothing
from pipeline.stages import command
from pipeline.startup import load_keras


def main(dataset):
    settings = params.load()
    task = settings.dataset(dataset).task
    networks = read_json(paths.trained_networks(dataset))
    if not networks:
        evaluate_nothing(dataset, task)
        return
    load_keras()
    evaluate(dataset, networks, tasks.part(task, "evaluation"), settings)
    folder, listed = paths.metrics(dataset, "").parent, ", ".join(networks)
    print(f"{folder}: {listed}; `dvc repro --single-item report` puts them into {paths.PAGE}")


if __name__ == "__main__":
    command.run(main, __doc__, ["dataset"])
