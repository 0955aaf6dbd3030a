"""Facts about the networks of `keras.applications`, by family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from cifarkit.models.info import Preprocessing

_NOTOP = "_weights_tf_dim_ordering_tf_kernels_notop.h5"
_MOBILENET_V3 = "weights_mobilenet_v3_{}_224_1.0_float_no_top_v2.h5"
_AT_ANY_SIZE = "its ImageNet weights were trained at {} px and are loaded at any size"
_IMAGENET_21K = "its ImageNet weights saw ImageNet-21k first"


class Member(NamedTuple):
    """A network of a family.

    Attributes:
        class_name: Its function in `keras.applications`; in lower case, the backbone's key.
        native_size: The image side that it was designed for, in pixels.
        features: Channels of its last feature map.
        weights_file: The ImageNet weights without the top, as Keras names the file.
        note: A remark for readers of its results.
    """

    class_name: str
    native_size: int
    features: int
    weights_file: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Facts shared by the networks of one paper."""

    name: str
    paper: str
    preprocessing: Preprocessing
    members: tuple[Member, ...]
    min_size: int = 32
    weights_sizes: tuple[int, ...] = ()
    uses_batchnorm: bool = True


FAMILIES = (
    Family(
        name="VGG",
        paper=(
            "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image "
            "Recognition, 2015"
        ),
        preprocessing="caffe",
        uses_batchnorm=False,
        members=(
            Member("VGG16", 224, 512, "vgg16" + _NOTOP),
            Member("VGG19", 224, 512, "vgg19" + _NOTOP),
        ),
    ),
    Family(
        name="ResNet",
        paper="He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2016",
        preprocessing="caffe",
        members=(
            Member("ResNet50", 224, 2048, "resnet50" + _NOTOP),
            Member("ResNet101", 224, 2048, "resnet101" + _NOTOP),
            Member("ResNet152", 224, 2048, "resnet152" + _NOTOP),
        ),
    ),
    Family(
        name="ResNetV2",
        paper="He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, 2016",
        preprocessing="tf",
        members=(
            Member("ResNet50V2", 224, 2048, "resnet50v2" + _NOTOP),
            Member("ResNet101V2", 224, 2048, "resnet101v2" + _NOTOP),
            Member("ResNet152V2", 224, 2048, "resnet152v2" + _NOTOP),
        ),
    ),
    Family(
        name="DenseNet",
        paper=(
            "Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks, 2017"
        ),
        preprocessing="torch",
        members=(
            Member("DenseNet121", 224, 1024, "densenet121" + _NOTOP),
            Member("DenseNet169", 224, 1664, "densenet169" + _NOTOP),
            Member("DenseNet201", 224, 1920, "densenet201" + _NOTOP),
        ),
    ),
    Family(
        name="Inception",
        paper=(
            "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception Architecture for "
            "Computer Vision, 2016"
        ),
        preprocessing="tf",
        min_size=75,
        members=(Member("InceptionV3", 299, 2048, "inception_v3" + _NOTOP),),
    ),
    Family(
        name="Inception-ResNet",
        paper=(
            "Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, Inception-ResNet and the Impact of "
            "Residual Connections on Learning, 2017"
        ),
        preprocessing="tf",
        min_size=75,
        members=(Member("InceptionResNetV2", 299, 1536, "inception_resnet_v2" + _NOTOP),),
    ),
    Family(
        name="Xception",
        paper="Chollet: Xception: Deep Learning with Depthwise Separable Convolutions, 2017",
        preprocessing="tf",
        min_size=71,
        members=(Member("Xception", 299, 2048, "xception" + _NOTOP),),
    ),
    Family(
        name="MobileNet",
        paper=(
            "Howard et al.: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision "
            "Applications, 2017"
        ),
        preprocessing="tf",
        weights_sizes=(128, 160, 192, 224),
        members=(Member("MobileNet", 224, 1024, "mobilenet_1_0_{size}_tf_no_top.h5"),),
    ),
    Family(
        name="MobileNetV2",
        paper=(
            "Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted Residuals and Linear "
            "Bottlenecks, 2018"
        ),
        preprocessing="tf",
        weights_sizes=(96, 128, 160, 192, 224),
        members=(
            Member(
                "MobileNetV2",
                224,
                1280,
                "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{size}_no_top.h5",
            ),
        ),
    ),
    Family(
        name="MobileNetV3",
        paper="Howard et al.: Searching for MobileNetV3, 2019",
        preprocessing="none",
        members=(
            Member("MobileNetV3Small", 224, 576, _MOBILENET_V3.format("small")),
            Member("MobileNetV3Large", 224, 960, _MOBILENET_V3.format("large")),
        ),
    ),
    Family(
        name="NASNet",
        paper=(
            "Zoph, Vasudevan, Shlens, Le: Learning Transferable Architectures for Scalable Image "
            "Recognition, 2018"
        ),
        preprocessing="tf",
        members=(
            Member("NASNetMobile", 224, 1056, "nasnet_mobile_no_top.h5", _AT_ANY_SIZE.format(224)),
            Member("NASNetLarge", 331, 4032, "nasnet_large_no_top.h5", _AT_ANY_SIZE.format(331)),
        ),
    ),
    Family(
        name="EfficientNet",
        paper=(
            "Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, "
            "2019"
        ),
        preprocessing="none",
        members=(
            Member("EfficientNetB0", 224, 1280, "efficientnetb0_notop.h5"),
            Member("EfficientNetB1", 240, 1280, "efficientnetb1_notop.h5"),
            Member("EfficientNetB2", 260, 1408, "efficientnetb2_notop.h5"),
            Member("EfficientNetB3", 300, 1536, "efficientnetb3_notop.h5"),
            Member("EfficientNetB4", 380, 1792, "efficientnetb4_notop.h5"),
            Member("EfficientNetB5", 456, 2048, "efficientnetb5_notop.h5"),
            Member("EfficientNetB6", 528, 2304, "efficientnetb6_notop.h5"),
            Member("EfficientNetB7", 600, 2560, "efficientnetb7_notop.h5"),
        ),
    ),
    Family(
        name="EfficientNetV2",
        paper="Tan, Le: EfficientNetV2: Smaller Models and Faster Training, 2021",
        preprocessing="none",
        members=(
            Member("EfficientNetV2B0", 224, 1280, "efficientnetv2-b0_notop.h5"),
            Member("EfficientNetV2B1", 240, 1280, "efficientnetv2-b1_notop.h5"),
            Member("EfficientNetV2B2", 260, 1408, "efficientnetv2-b2_notop.h5"),
            Member("EfficientNetV2B3", 300, 1536, "efficientnetv2-b3_notop.h5"),
            Member("EfficientNetV2S", 384, 1280, "efficientnetv2-s_notop.h5"),
            Member("EfficientNetV2M", 480, 1280, "efficientnetv2-m_notop.h5"),
            Member("EfficientNetV2L", 480, 1280, "efficientnetv2-l_notop.h5"),
        ),
    ),
    Family(
        name="ConvNeXt",
        paper="Liu, Mao, Wu, Feichtenhofer, Darrell, Xie: A ConvNet for the 2020s, 2022",
        preprocessing="none",
        uses_batchnorm=False,
        members=(
            Member("ConvNeXtTiny", 224, 768, "convnext_tiny_notop.h5"),
            Member("ConvNeXtSmall", 224, 768, "convnext_small_notop.h5"),
            Member("ConvNeXtBase", 224, 1024, "convnext_base_notop.h5", _IMAGENET_21K),
            Member("ConvNeXtLarge", 224, 1536, "convnext_large_notop.h5", _IMAGENET_21K),
            Member("ConvNeXtXLarge", 224, 2048, "convnext_xlarge_notop.h5", _IMAGENET_21K),
        ),
    ),
)
