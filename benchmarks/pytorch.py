"""The same networks in PyTorch: channels last, eager or compiled, float32 or bfloat16 by autocast."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from benchmarks.task import CLASSES, DENSE


class Convolution(nn.Sequential):
    """Convolve with padding, normalise, apply ReLU."""

    def __init__(self, inside, outside, kernel=3, activation=True):
        layers = [nn.Conv2d(inside, outside, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outside, momentum=0.1)]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if activation else []))


class Two(nn.Sequential):
    def __init__(self, inside, outside):
        super().__init__(Convolution(inside, outside), Convolution(outside, outside))


class Residual(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.shortcut = Convolution(inside, outside, 1, activation=False)
        self.first, self.second = Convolution(inside, outside), Convolution(outside, outside, activation=False)

    def forward(self, x):
        return functional.relu(self.second(self.first(x)) + self.shortcut(x))


class Gate(nn.Module):
    """Additive attention on a skip connection."""

    def __init__(self, skip, signal, filters):
        super().__init__()
        self.features, self.gating = nn.Conv2d(skip, filters, 2, stride=2, bias=False), nn.Conv2d(signal, filters, 1)
        self.score = nn.Conv2d(filters, 1, 1)

    def forward(self, skip, signal):
        alpha = torch.sigmoid(self.score(functional.relu(self.features(skip) + self.gating(signal))))
        return skip * functional.interpolate(alpha, scale_factor=2, mode="bilinear", align_corners=False)


class Net(nn.Module):
    """U-Net, or with `gates` the Attention Residual U-Net."""

    def __init__(self, channels, filters, gates, depth=4):
        super().__init__()
        block, widths = (Residual if gates else Two), [filters * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(block(inside, outside) for inside, outside in pairwise([channels, *widths[:-1]]))
        self.deepest = nn.Sequential(nn.Dropout(0.1), block(widths[-2], widths[-1]))
        pairs = list(pairwise(reversed(widths)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(below, width, 2, stride=2) for below, width in pairs)
        self.blocks = nn.ModuleList(block(2 * width, width) for _, width in pairs)
        self.gates = nn.ModuleList(Gate(width, below, width // 2) for below, width in pairs) if gates else None
        self.logits = nn.Conv2d(filters, 1, 1)

    def forward(self, x):
        skips = []
        for block in self.down:
            skips.append(block(x))
            x = functional.max_pool2d(skips[-1], 2)
        x = self.deepest(x)
        for number, (up, block) in enumerate(zip(self.up, self.blocks, strict=True)):
            skip = skips.pop()
            skip = self.gates[number](skip, x) if self.gates else skip
            x = block(torch.cat([skip, up(x)], 1))
        return self.logits(x)


def vgg16(side, channels):
    layers, inside = [], channels
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(inside, width, 3, padding=1), nn.ReLU(inplace=True)]
            inside = width
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    inside = 512 * (side // 32) ** 2
    for _ in range(2):
        layers += [nn.Linear(inside, DENSE), nn.ReLU(inplace=True), nn.Dropout(0.5)]
        inside = DENSE
    return nn.Sequential(*layers, nn.Linear(inside, CLASSES))


def training(task, compiled=False):
    network, forward, images, targets = _prepared(task, compiled)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)

    def train(batches):
        network.train()
        for number in range(batches):
            rows = torch.arange(number * task.batch, (number + 1) * task.batch) % len(images)
            optimizer.zero_grad(set_to_none=True)
            logits = forward(images[rows].contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(logits, targets[rows]) if task.classifies else _bce_dice(logits, targets[rows])
            loss.backward()
            optimizer.step()

    return train, _weights(network)


def prediction(task, compiled=False):
    network, forward, images, _ = _prepared(task, compiled)
    network.eval()
    batch = images[: task.batch].contiguous(memory_format=torch.channels_last)

    def predict(batches):
        with torch.inference_mode():
            for _ in range(batches):
                torch.sigmoid(forward(batch)).numpy()

    return predict, _weights(network)


def _prepared(task, compiled):
    images, targets = task.data()
    images = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    targets = torch.from_numpy(targets) if task.classifies else torch.from_numpy(targets).float()[:, None]
    if task.classifies:
        network = vgg16(task.side, task.channels)
    else:
        network = Net(task.channels, task.filters or 16, gates=task.network == "attn_resunet")
    network = network.to(memory_format=torch.channels_last)
    run = torch.compile(network) if compiled else network

    def forward(x):
        with torch.autocast("cpu", torch.bfloat16, enabled=task.precision == "bfloat16"):
            return run(x).float()

    return network, forward, images, targets


def _bce_dice(logits, targets):
    probability = torch.sigmoid(logits)
    overlap = 2 * (probability * targets).sum() + 1
    dice = 1 - overlap / (probability.sum() + targets.sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, targets) + dice


def _weights(network):
    return sum(weight.numel() for weight in network.parameters())
