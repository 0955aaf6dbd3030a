"""Every classification backbone of `keras.applications`, from one table of facts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cifarkit.models.info import Backbone, Preprocessing

if TYPE_CHECKING:
    import keras

_NOTOP = "_weights_tf_dim_ordering_tf_kernels_notop.h5"
_IMAGENET_21K = "its ImageNet weights saw ImageNet-21k first"


class _Member(NamedTuple):
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
class _Family:
    """Facts shared by the networks of one paper."""

    name: str
    paper: str
    preprocessing: Preprocessing
    members: tuple[_Member, ...]
    min_size: int = 32
    weights_sizes: tuple[int, ...] = ()
    uses_batchnorm: bool = True


_FAMILIES = (
    _Family(
        name="VGG",
        paper=(
            "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image "
            "Recognition, 2015"
        ),
        preprocessing="caffe",
        uses_batchnorm=False,
        members=(
            _Member("VGG16", 224, 512, "vgg16" + _NOTOP),
            _Member("VGG19", 224, 512, "vgg19" + _NOTOP),
        ),
    ),
    _Family(
        name="ResNet",
        paper="He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2016",
        preprocessing="caffe",
        members=(
            _Member("ResNet50", 224, 2048, "resnet50" + _NOTOP),
            _Member("ResNet101", 224, 2048, "resnet101" + _NOTOP),
            _Member("ResNet152", 224, 2048, "resnet152" + _NOTOP),
        ),
    ),
    _Family(
        name="ResNetV2",
        paper="He, Zhang, Ren, Sun: Identity Mappings in Deep Residual Networks, 2016",
        preprocessing="tf",
        members=(
            _Member("ResNet50V2", 224, 2048, "resnet50v2" + _NOTOP),
            _Member("ResNet101V2", 224, 2048, "resnet101v2" + _NOTOP),
            _Member("ResNet152V2", 224, 2048, "resnet152v2" + _NOTOP),
        ),
    ),
    _Family(
        name="DenseNet",
        paper=(
            "Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks, 2017"
        ),
        preprocessing="torch",
        members=(
            _Member("DenseNet121", 224, 1024, "densenet121" + _NOTOP),
            _Member("DenseNet169", 224, 1664, "densenet169" + _NOTOP),
            _Member("DenseNet201", 224, 1920, "densenet201" + _NOTOP),
        ),
    ),
    _Family(
        name="Inception",
        paper=(
            "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception Architecture for "
            "Computer Vision, 2016"
        ),
        preprocessing="tf",
        min_size=75,
        members=(_Member("InceptionV3", 299, 2048, "inception_v3" + _NOTOP),),
    ),
    _Family(
        name="Inception-ResNet",
        paper=(
            "Szegedy, Ioffe, Vanhoucke, Alemi: Inception-v4, Inception-ResNet and the Impact of "
            "Residual Connections on Learning, 2017"
        ),
        preprocessing="tf",
        min_size=75,
        members=(_Member("InceptionResNetV2", 299, 1536, "inception_resnet_v2" + _NOTOP),),
    ),
    _Family(
        name="Xception",
        paper="Chollet: Xception: Deep Learning with Depthwise Separable Convolutions, 2017",
        preprocessing="tf",
        min_size=71,
        members=(_Member("Xception", 299, 2048, "xception" + _NOTOP),),
    ),
    _Family(
        name="MobileNet",
        paper=(
            "Howard et al.: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision "
            "Applications, 2017"
        ),
        preprocessing="tf",
        weights_sizes=(128, 160, 192, 224),
        members=(_Member("MobileNet", 224, 1024, "mobilenet_1_0_{size}_tf_no_top.h5"),),
    ),
    _Family(
        name="MobileNetV2",
        paper=(
            "Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted Residuals and Linear "
            "Bottlenecks, 2018"
        ),
        preprocessing="tf",
        weights_sizes=(96, 128, 160, 192, 224),
        members=(
            _Member(
                "MobileNetV2",
                224,
                1280,
                "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{size}_no_top.h5",
            ),
        ),
    ),
    _Family(
        name="MobileNetV3",
        paper="Howard et al.: Searching for MobileNetV3, 2019",
        preprocessing="none",
        members=(
            _Member(
                "MobileNetV3Small",
                224,
                576,
                "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
            ),
            _Member(
                "MobileNetV3Large",
                224,
                960,
                "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            ),
        ),
    ),
    _Family(
        name="NASNet",
        paper=(
            "Zoph, Vasudevan, Shlens, Le: Learning Transferable Architectures for Scalable Image "
            "Recognition, 2018"
        ),
        preprocessing="tf",
        members=(
            _Member(
                "NASNetMobile",
                224,
                1056,
                "nasnet_mobile_no_top.h5",
                "its ImageNet weights were trained at 224 px and are loaded at any size",
            ),
            _Member(
                "NASNetLarge",
                331,
                4032,
                "nasnet_large_no_top.h5",
                "its ImageNet weights were trained at 331 px and are loaded at any size",
            ),
        ),
    ),
    _Family(
        name="EfficientNet",
        paper=(
            "Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, "
            "2019"
        ),
        preprocessing="none",
        members=(
            _Member("EfficientNetB0", 224, 1280, "efficientnetb0_notop.h5"),
            _Member("EfficientNetB1", 240, 1280, "efficientnetb1_notop.h5"),
            _Member("EfficientNetB2", 260, 1408, "efficientnetb2_notop.h5"),
            _Member("EfficientNetB3", 300, 1536, "efficientnetb3_notop.h5"),
            _Member("EfficientNetB4", 380, 1792, "efficientnetb4_notop.h5"),
            _Member("EfficientNetB5", 456, 2048, "efficientnetb5_notop.h5"),
            _Member("EfficientNetB6", 528, 2304, "efficientnetb6_notop.h5"),
            _Member("EfficientNetB7", 600, 2560, "efficientnetb7_notop.h5"),
        ),
    ),
    _Family(
        name="EfficientNetV2",
        paper="Tan, Le: EfficientNetV2: Smaller Models and Faster Training, 2021",
        preprocessing="none",
        members=(
            _Member("EfficientNetV2B0", 224, 1280, "efficientnetv2-b0_notop.h5"),
            _Member("EfficientNetV2B1", 240, 1280, "efficientnetv2-b1_notop.h5"),
            _Member("EfficientNetV2B2", 260, 1408, "efficientnetv2-b2_notop.h5"),
            _Member("EfficientNetV2B3", 300, 1536, "efficientnetv2-b3_notop.h5"),
            _Member("EfficientNetV2S", 384, 1280, "efficientnetv2-s_notop.h5"),
            _Member("EfficientNetV2M", 480, 1280, "efficientnetv2-m_notop.h5"),
            _Member("EfficientNetV2L", 480, 1280, "efficientnetv2-l_notop.h5"),
        ),
    ),
    _Family(
        name="ConvNeXt",
        paper="Liu, Mao, Wu, Feichtenhofer, Darrell, Xie: A ConvNet for the 2020s, 2022",
        preprocessing="none",
        uses_batchnorm=False,
        members=(
            _Member("ConvNeXtTiny", 224, 768, "convnext_tiny_notop.h5"),
            _Member("ConvNeXtSmall", 224, 768, "convnext_small_notop.h5"),
            _Member("ConvNeXtBase", 224, 1024, "convnext_base_notop.h5", _IMAGENET_21K),
            _Member("ConvNeXtLarge", 224, 1536, "convnext_large_notop.h5", _IMAGENET_21K),
            _Member("ConvNeXtXLarge", 224, 2048, "convnext_xlarge_notop.h5", _IMAGENET_21K),
        ),
    ),
)

_NAMES = {"VGG16": "VGG-16", "VGG19": "VGG-19"}
"""Names in tables that differ from the class name."""


def _build(
    class_name: str, *, image_size: int, weights: str | None, outputs: int, dropout: float
) -> keras.Model:
    """The backbone without its classifier, named by its key.

    Args:
        class_name: Its function in `keras.applications`.
        image_size: Side of the square image in pixels.
        weights: One of the network's `weight_sets`, or None for random initialization.
        outputs: Ignored: the caller adds the head.
        dropout: Ignored, likewise.

    Returns:
        A functional model of float images `(n, s, s, 3)`, preprocessed as the backbone expects
        them (0..255 for `none`), to float feature maps `(n, h, w, features)`.

    Raises:
        ValueError: The image is smaller than `min_size` (from Keras).
    """
    import keras

    with warnings.catch_warnings():
        # MobileNets warn when they load weights of another size; the others do not. The size is
        # known from `weights_size`.
        warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
        model = getattr(keras.applications, class_name)(
            include_top=False, weights=weights, input_shape=(image_size, image_size, 3)
        )
    # Keras chooses EfficientNetV2's preprocessing, and the weights file of several networks, by the
    # model's name. So the model is built under its original name and renamed here.
    return keras.Model(model.input, model.output, name=class_name.lower())


def _backbones() -> Iterator[Backbone]:
    for family in _FAMILIES:
        for member in family.members:
            key = member.class_name.lower()
            yield Backbone(
                key=key,
                name=_NAMES.get(member.class_name, member.class_name),
                family=family.name,
                paper=family.paper,
                build=partial(_build, member.class_name),
                preprocessing=family.preprocessing,
                min_size=family.min_size,
                native_size=member.native_size,
                features=member.features,
                weights_file=member.weights_file,
                weights_sizes=family.weights_sizes,
                uses_batchnorm=family.uses_batchnorm,
                head="xception" if key == "xception" else "standard",
                note=member.note,
            )


APPLICATIONS: tuple[Backbone, ...] = tuple(_backbones())
"""Every backbone of `keras.applications`, family by family."""
