"""Split, audit, cut and augment one dataset: ``python -m pipeline.stages.patchify mitochondria``."""

from pipeline import params, paths
from pipeline.images.figures import patches as preview
from pipeline.patches.audit import split_and_audit
from pipeline.patches.leakage import write_leakage
from pipeline.patches.pack import pack
from pipeline.patches.packed import load_packed
from pipeline.stages import command


def main(dataset):
    settings = params.load()
    own, raw, folder = settings.dataset(dataset), paths.raw(dataset), paths.patches(dataset)
    audited = split_and_audit(raw, own.split, settings.audit, settings.seed)
    counts = pack(raw, folder, audited.table, own, settings.augment, settings.seed)
    paths.preview(dataset).parent.mkdir(parents=True, exist_ok=True)
    packed = load_packed(folder, "train")
    paths.preview(dataset).write_bytes(preview(packed.images, packed.targets))
    write_leakage(dataset, audited)
    print(f"{folder}: " + ", ".join(f"{count} {split}" for split, count in counts.items()) + " patches")
    for line in audited.lines():
        print(f"{folder}: {line}", flush=True)


if __name__ == "__main__":
    command.run(main, dataset=command.DATASETS)
