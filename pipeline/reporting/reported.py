"""The figures of the internship report that this pipeline grows from, with its own digits: the reference of our tables."""

REPORTED = {
    "mitochondria": {
        **{"accuracy": "99.47", "loss": "0.3255", "mean_iou": "95.19", "dice": "95.27"},
        **{"iou_background": "99.41", "iou": "94.56"},
    },
    "polyps": {
        **{"accuracy": "89.96", "loss": "0.25755", "mean_iou": "70.318", "dice": "68.395"},
        **{"iou_background": "88.66", "iou": "51.97"},
    },
    "tissue": {"accuracy": "77.72", "loss": "1.5588"},
}
NOTES = {
    "mitochondria": (
        "The reported column is the internship report's, on other images; its loss is that of validation. "
        "It contradicts itself: a Dice of 95.27 implies a foreground IoU of 90.97, not 94.56."
    ),
    "polyps": "The reported column is the internship report's, on Kvasir images; its loss is that of validation.",
    "tissue": "The reported column is the internship report's VGG16 after 50 epochs; its loss is that of validation.",
}
