"""Score the networks of one data set on all images of another: ``python -m pipeline.stages.transfer polyps kvasir``."""

from pipeline import params, paths, tasks
from pipeline.atomic import read_json
from pipeline.evaluation.transfer import transfer
from pipeline.stages import command
from pipeline.startup import load_keras


def main(model, images):
    settings = params.load()
    task = settings.dataset(model).task
    settings.dataset(images)
    networks = read_json(paths.trained_networks(model))
    load_keras()
    transfer(model, images, networks, tasks.part(task, "evaluation"), settings)
    print(f"{', '.join(networks) or 'no network'} of {model} on {images}; `dvc repro --single-item report` shows it")


if __name__ == "__main__":
    command.run(main, __doc__, ["model", "images"])
