"""Train one network on one data set: ``python -m pipeline.stages.train mitochondria unet``."""

from pipeline import params, tasks
from pipeline.stages import command
from pipeline.startup import load_keras


def main(dataset, name):
    settings = params.load()
    settings.dataset(dataset)
    load_keras()
    from pipeline import networks
    from pipeline.training.train import train

    network = networks.load(name, settings)
    train(dataset, network, tasks.part(network.task, "training"), settings)


if __name__ == "__main__":
    command.run(main, __doc__, ["dataset", "network"])
