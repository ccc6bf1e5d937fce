"""Bring the pretrained weights that the networks ask for, each to its own folder; by default there are none to bring."""

from pipeline import params
from pipeline.stages import command
from pipeline.weights.make import make


def main():
    lines = make(params.load().networks)
    print(*(lines or ["no network asks for pretrained weights"]), sep="\n")


if __name__ == "__main__":
    command.run(main, __doc__)
