"""Published weights of DenseNet-121."""

from pipeline.weights.sources import Address

WEIGHTS = {
    "imagenet": Address(
        "DenseNet-121, ImageNet (Keras)",
        "https://storage.googleapis.com/tensorflow/keras-applications/densenet/densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        md5="30ee3e1110167f948a6b9946edeeb738",
        licence="BSD 3-Clause",
        trained_on="ImageNet (ILSVRC 2012), 1.3 million photographs in 1000 classes",
    )
}
