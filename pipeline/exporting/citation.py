"""What a package tells of its origins: publications and licence."""

import re

ARXIV = "10.48550/arXiv."
NETWORKS = {
    "unet": [
        (
            "Ronneberger, Fischer, Brox: U-Net: convolutional networks for biomedical image segmentation",
            "10.1007/978-3-319-24574-4_28",
        )
    ],
    "attn_resunet": [
        ("Oktay et al.: Attention U-Net: learning where to look for the pancreas", ARXIV + "1804.03999"),
        ("He, Zhang, Ren, Sun: Deep residual learning for image recognition", "10.1109/CVPR.2016.90"),
    ],
    "vgg16": [
        ("Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition", ARXIV + "1409.1556"),
    ],
}


def publications(card):
    """Publications of a network and of its training images, as pairs of text and DOI; those without a DOI are left out."""
    text = card.get("citation") or ""
    found = re.findall(r"\b10\.\d{4,9}/[^\s,;]+", text) + [
        ARXIV + number for number in re.findall(r"arXiv (\d{4}\.\d{4,5})", text)
    ]
    return NETWORKS.get(card["network"], []) + [(text, doi) for doi in found]


def spdx(licence):
    """A licence in the spelling of SPDX, if it is a Creative Commons one; others as they are.

    >>> spdx("CC BY-NC-SA 3.0"), spdx("MIT")
    ('CC-BY-NC-SA-3.0', 'MIT')
    """
    return licence.replace(" ", "-") if re.fullmatch(r"CC BY[A-Z-]* \d\.\d", licence) else licence
