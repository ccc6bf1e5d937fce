"""Published weights of ResNet-50."""

from pipeline.weights.sources import Address

WEIGHTS = {
    "imagenet": Address(
        "ResNet-50, ImageNet (Keras)",
        "https://storage.googleapis.com/tensorflow/keras-applications/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        md5="4d473c1dd8becc155b73f8504c6f6626",
        licence="MIT",
        trained_on="ImageNet (ILSVRC 2012), 1.3 million photographs in 1000 classes",
    )
}
