"""List the networks of one data set, so that a change of another one's list evaluates nothing anew."""

import json

from pipeline import params, paths
from pipeline.atomic import whole
from pipeline.stages import command


def main(dataset):
    settings = params.load()
    settings.dataset(dataset)
    with whole(paths.trained_networks(dataset)) as file:
        file.write_text(json.dumps(settings.networks_of(dataset)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    command.run(main, __doc__, ["dataset"])
