"""What is published about the ImageNet weights of `keras.applications`."""

from __future__ import annotations

from typing import NamedTuple

from cifarkit.models.application_families import Family, Member
from cifarkit.models.weight_sets import WeightSet


class _Published(NamedTuple):
    """Of one network's weights.

    Attributes:
        top1: Top-1 accuracy, 0..1, in the table of https://keras.io/api/applications; MobileNetV3's
            is in the documentation of its functions. MobileNet v1 and v2: of the file for 224
            pixels.
        file_hash: Of the file without the classifier, in the source of Keras 3.15.1: an MD5, or
            ConvNeXt's SHA-256; empty if Keras has none.
        address: The file's name where it is downloaded from, if that is another one.
    """

    top1: float
    file_hash: str
    address: str = ""


_PUBLISHED = {
    "vgg16": _Published(0.713, "6d6bbae143d832006294945121d1f1fc"),
    "vgg19": _Published(0.713, "253f8cb515780f3b799900260a226db6"),
    "resnet50": _Published(0.749, "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": _Published(0.764, "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": _Published(0.766, "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "resnet50v2": _Published(0.760, "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": _Published(0.772, "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": _Published(0.780, "ed17cf2e0169df9d443503ef94b23b33"),
    "densenet121": _Published(0.750, "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": _Published(0.762, "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": _Published(0.773, "c13680b51ded0fb44dff2d8f86ac8bb1"),
    "inceptionv3": _Published(0.779, "bcbd6486424b2319ff4ef7d526e38f63"),
    "inceptionresnetv2": _Published(0.803, "d19885ff4a710c122648d3b5c3b684e4"),
    "xception": _Published(0.790, "b0042744bf5b25fce3cb969f33bebb97"),
    "mobilenet": _Published(0.704, ""),
    "mobilenetv2": _Published(0.713, ""),
    "mobilenetv3small": _Published(0.681, "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "mobilenetv3large": _Published(0.756, "07fb09a5933dd0c8eaafa16978110389"),
    "nasnetmobile": _Published(
        0.744, "1ed92395b5b598bdda52abe5c0dbfd63", "NASNet-mobile-no-top.h5"
    ),
    "nasnetlarge": _Published(0.825, "d81d89dc07e6e56530c4e77faddd61b5", "NASNet-large-no-top.h5"),
    "efficientnetb0": _Published(0.771, "50bc09e76180e00e4465e1a485ddc09d"),
    "efficientnetb1": _Published(0.791, "74c4e6b3e1f6a1eea24c589628592432"),
    "efficientnetb2": _Published(0.801, "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "efficientnetb3": _Published(0.816, "af6d107764bb5b1abb91932881670226"),
    "efficientnetb4": _Published(0.829, "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "efficientnetb5": _Published(0.836, "38879255a25d3c92d5e44e04ae6cec6f"),
    "efficientnetb6": _Published(0.840, "9ecce42647a20130c1f39a5d4cb75743"),
    "efficientnetb7": _Published(0.843, "cbcfe4450ddf6f3ad90b1b398090fe4a"),
    "efficientnetv2b0": _Published(0.787, "893217f2bb855e2983157299931e43ff"),
    "efficientnetv2b1": _Published(0.798, "0e80663031ca32d657f9caa404b6ec37"),
    "efficientnetv2b2": _Published(0.805, "1dfe2e7a5d45b6632553a8961ea609eb"),
    "efficientnetv2b3": _Published(0.820, "f6abf7b5849ac99a89b50dd3fd532856"),
    "efficientnetv2s": _Published(0.839, "af0682fb74e8c54910f2d4393339c070"),
    "efficientnetv2m": _Published(0.853, "1b8dc055df72dde80d614482840fe342"),
    "efficientnetv2l": _Published(0.857, "b0b66b5c863aef5b46e8608fe1711615"),
    "convnexttiny": _Published(
        0.813, "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"
    ),
    "convnextsmall": _Published(
        0.823, "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"
    ),
    "convnextbase": _Published(
        0.853, "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45"
    ),
    "convnextlarge": _Published(
        0.863, "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd"
    ),
    "convnextxlarge": _Published(
        0.867, "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05"
    ),
}

_STORAGE = "https://storage.googleapis.com"
_KERAS = f"{_STORAGE}/tensorflow/keras-applications"
_ORIGINS = {
    # family: folder, licence
    "VGG": (_KERAS + "/{key}", "CC BY 4.0"),
    "ResNet": (_KERAS + "/resnet", "MIT"),
    "ResNetV2": (_KERAS + "/resnet", "BSD"),
    "DenseNet": (_KERAS + "/densenet", "BSD 3-clause"),
    "Inception": (_KERAS + "/inception_v3", "Apache 2.0"),
    "Inception-ResNet": (_KERAS + "/inception_resnet_v2", "Apache 2.0"),
    "Xception": (_KERAS + "/xception", "MIT"),
    "MobileNet": (_KERAS + "/mobilenet", "Apache 2.0"),
    "MobileNetV2": (_KERAS + "/mobilenet_v2", "Apache 2.0"),
    "MobileNetV3": (_KERAS + "/mobilenet_v3", ""),
    "NASNet": (_KERAS + "/nasnet", "Apache 2.0"),
    "EfficientNet": (_STORAGE + "/keras-applications", ""),
    "EfficientNetV2": (_KERAS + "/efficientnet_v2", ""),
    "ConvNeXt": (_KERAS + "/convnext", "MIT"),
}
"""Licences as stated in docs/templates/applications.md of keras-team/keras, for ResNetV2 and
MobileNetV2 in sources/applications.md of keras-team/keras-docs-zh, for ConvNeXt in the README of
facebookresearch/ConvNeXt; empty where none of them says."""


def imagenet(family: Family, member: Member) -> WeightSet:
    """The `imagenet` weights of a network of `keras.applications`."""
    key = member.class_name.lower()
    published = _PUBLISHED[key]
    folder, licence = _ORIGINS[family.name]
    is_sha256 = len(published.file_hash) == 64
    return WeightSet(
        name="imagenet",
        source=f"{folder.format(key=key)}/{published.address or member.weights_file}",
        file=member.weights_file,
        sizes=family.weights_sizes,
        licence=licence,
        sha256=published.file_hash if is_sha256 else "",
        md5="" if is_sha256 else published.file_hash,
        top1=published.top1,
        top1_source=(
            "documentation of keras.applications, function " + member.class_name
            if family.name == "MobileNetV3"
            else "https://keras.io/api/applications"
        ),
    )
