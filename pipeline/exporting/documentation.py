"""What a package of the BioImage Model Zoo says in words: how to use the model, and where it comes from."""

import re

from pipeline.images.intensity import in_words
from pipeline.images.resize import resized_to
from pipeline.images.sections import context_of
from pipeline.images.stack import described

PAGE = """\
# {title} for {name}

Trained with an open pipeline for biomedical images (DVC, Keras 3). Not a medical device.

## Input

Images, {colour}{sections}, axes `byxc`, with intensities {intensities}. Scaling to 0 to 1 is part of the package.{resize}

## Output

{output}

## Validation

Compare with exact masks or labels, on images of patients, slides or blocks that took no part in training; otherwise the score
is too good. The test tensors show a generated image. They verify the software and say nothing about quality.

## Training images

{phantom}{name} ({source}).{url}

Licence: {licence}.

Citation: {citation}.

## Network

{network_citation}.
"""


def document(card, output):
    """Fill the page for the card of a model (Markdown); `output` describes what the network returns."""
    context = context_of(card)
    return PAGE.format(
        title=card["title"],
        name=card["name"],
        colour=described(card["channels"], card.get("colour")),
        sections=f", {2 * context + 1} neighbouring sections as channels, the one to predict in the middle" if context else "",
        intensities=in_words(card["intensity_range"]),
        resize=f" First resize each {resized_to(card['resize'])}, with smoothing." if card["resize"] else "",
        output=output,
        phantom="These are **phantoms**: generated images, which say nothing about real ones.\n\n" if card.get("phantom") else "",
        source=card.get("source", "unknown source"),
        url=f" From {card['url']}." if card.get("url") else "",
        licence=card.get("licence") or "not stated",
        citation=card.get("citation") or "not stated",
        network_citation=card["network_citation"],
    )


def publications(card):
    """Publications of the network and of its training images that have a DOI: list of (text, doi).

    >>> publications({"network_citation": "He et al., arXiv 1512.03385; nobody, 2020", "citation": "A, doi 10.1/b"})
    [('He et al., arXiv 1512.03385', '10.48550/arXiv.1512.03385'), ('A, doi 10.1/b', '10.1/b')]
    """
    texts = [text.strip() for key in ("network_citation", "citation") for text in (card.get(key) or "").split(";")]
    found = []
    for text in texts:
        found += [(text, doi) for doi in re.findall(r"\b10\.\d+/[^\s,;]+", text)]
        found += [(text, f"10.48550/arXiv.{number}") for number in re.findall(r"arXiv[ :](\d{4}\.\d{4,5})", text)]
    return found
